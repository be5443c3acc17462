"""What other programs ask of Sincro over HTTP: `/api/` and `/metrics`, with tokens (docs/api.md)."""
