"""Messages to other programs when a run ends or a connection's health changes (docs/webhooks.md)."""
