"""A small Odoo 17 or 19 with a freight company's business in it, over the real protocols.

    manage.py sandbox odoo [--faults SPEC]      Odoo 17: /jsonrpc
    manage.py sandbox odoo19 [--faults SPEC]    Odoo 19: /jsonrpc, /json/2 and /web/version

Database `demo`, two companies (1 and 2). Users, all with the password `sandbox-password`:

    admin     uid 2, both companies, everything         API key sandbox-odoo-key
    limitado  uid 8, company 1, no sales, purchases,    API key sandbox-odoo-key-limited
              stock or accounting
    estoque   uid 9, company 1, everything but          API key sandbox-odoo-key-stock
              accounting and sales invoices
    seguro    uid 10, as admin, two-factor sign-in:     API key sandbox-odoo-key-2fa
              the password is refused over RPC

`sandbox-odoo-key-expired` is a key of admin that has expired. In Python,
`Odoo(version=19, lacking={"purchase_request"})` leaves modules out;
create, write, unlink and pass_time change what it holds.
"""

from __future__ import annotations

from connections.sandbox.odoo.app import Odoo

__all__ = ["Odoo"]
