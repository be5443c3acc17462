from __future__ import annotations

from tests.bills.fixtures import bills, sandbox, select, sync_bills, vendor

__all__ = ["bills", "sandbox", "select", "sync_bills", "vendor"]  # fixtures
