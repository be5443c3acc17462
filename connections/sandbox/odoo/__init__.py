"""A small Odoo 17 or 19 with a freight company's business in it, over the real protocols.

    manage.py sandbox odoo [--faults SPEC]      Odoo 17: /jsonrpc
    manage.py sandbox odoo19 [--faults SPEC]    Odoo 19: /jsonrpc, /json/2 and /web/version

Database `demo`, two companies (1 and 2). Users, all with the password `sandbox-password`:

    admin     uid 2, both companies, everything        API key sandbox-odoo-key
    limitado  uid 8, company 1, partners and products  API key sandbox-odoo-key-limited
    estoque   uid 9, company 1, no invoices and no     API key sandbox-odoo-key-stock
              blanket orders
    seguro    uid 10, as admin, two-factor sign-in:    API key sandbox-odoo-key-2fa
              the password is refused over RPC

`sandbox-odoo-key-expired` is a key of admin that has expired: it opens nothing. In Python,
`Odoo(version=19, lacking={"purchase_request"})` leaves modules out; create, write, unlink, bulk, begin (a transaction
that becomes visible later) and pass_time change what it holds. Faults besides the general ones:
`vendor-error,code=psycopg2.errors.SerializationFailure` and any other of Odoo's names, for one model with
`path=/jsonrpc/stock.picking` or `path=/json/2/stock.picking`. What is changed by hand is gone after a restart; what
the business does by itself is not.
"""

from __future__ import annotations

from connections.sandbox.odoo.app import DATABASE, Odoo, Transaction
from connections.sandbox.odoo.sample import sample_connection

__all__ = ["DATABASE", "Odoo", "Transaction", "sample_connection"]
