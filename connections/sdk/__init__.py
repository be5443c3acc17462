"""Plain Python that connectors are written with: no Django, no database."""

from __future__ import annotations

VERSION = "0.1.0"  # what Sincro calls itself to the systems it reads
