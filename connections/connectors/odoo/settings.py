"""What a person says about an Odoo: where it is, how we sign in, and what is read beyond the usual."""

from __future__ import annotations

import re

from connections.connectors.odoo.extras import check_rows
from connections.connectors.odoo.services import AGREEMENTS, REQUESTS
from connections.connectors.odoo.session import server_address
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected, Setting, whole
from connections.sdk.text import gettext_noop as _

SIGN_IN = ("url", "database", "username", "auth", "password", "api_key", "allow_private_addresses")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?(@[a-z]+)?")

MODELS = (
    ("account.move", _("Invoices (account.move)")),
    ("account.move.line", _("Invoice lines (account.move.line)")),
    ("sale.order", _("Sale orders (sale.order)")),
    ("sale.order.line", _("Sale order lines (sale.order.line)")),
    ("purchase.request", _("Purchase requests (purchase.request)")),
    ("purchase.request.line", _("Purchase request lines (purchase.request.line)")),
    ("purchase.requisition", _("Purchase agreements (purchase.requisition)")),
    ("purchase.requisition.line", _("Purchase agreement lines (purchase.requisition.line)")),
    ("purchase.order", _("Purchase orders (purchase.order)")),
    ("purchase.order.line", _("Purchase order lines (purchase.order.line)")),
    ("purchase.request.allocation", _("Allocations (purchase.request.allocation)")),
    ("stock.picking", _("Receipts (stock.picking)")),
    ("stock.move", _("Receipt lines (stock.move)")),
    ("res.partner", _("Partners (res.partner)")),
    ("product.product", _("Products (product.product)")),
)


def check_url(value: str) -> None:
    try:
        server_address(value)
    except SyncError:
        raise Rejected(
            _("Write the address that opens Odoo in the browser, such as https://company.odoo.com.")
        ) from None


def check_header_secret(value: str) -> None:
    if not value.isascii() or not value.isprintable():
        raise Rejected(_("This value has characters that cannot be sent in a header, such as accents or line ends."))


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "url", _("Address"), required=True, placeholder="https://company.odoo.com", validate=check_url,
        destination=True, identity=True, env="ODOO_URL",
        help=_("What opens Odoo in the browser; what follows the server's name may be left out."),
    ),
    Setting(
        "database", _("Database"), required=True, identity=True, env="ODOO_DB",
        offered_from=("url", "allow_private_addresses"),
        help=_("Its name stands under Settings, in developer mode. On Odoo Online it is what stands before .odoo.com."),
    ),
    Setting(
        "username", _("User"), required=True, env="ODOO_USERNAME", placeholder="sync@company.com",
        help=_("What the user types to sign in, usually an e-mail. Give it read access only, to what is to be read."),
    ),
    Setting(
        "auth", _("Sign-in"), "choice", default="password",
        choices=(("password", _("Password")), ("api_key", _("API key"))),
        help=_("An API key is safer, and needed with two-factor sign-in. Odoo 22 will accept nothing else."),
    ),
    Setting("password", _("Password"), "secret", required=True, shown_if=("auth", ("password",)), env="ODOO_PASSWORD"),
    Setting(
        "api_key", _("API key"), "secret", required=True, shown_if=("auth", ("api_key",)), validate=check_header_secret,
        help=_("Made in Odoo by this user: Preferences, Account Security, New API Key."),
    ),
    Setting(
        "api_key_ends", _("API key ends on"), "date", shown_if=("auth", ("api_key",)), expires="api_key",
        help=_("The date chosen when the key was made; you are warned before. Left empty, it never ends."),
    ),
    Setting(
        "companies", _("Companies"), "list", offered_from=SIGN_IN,
        help=_("Names or numbers, one on each line. Left empty, all companies that the user may see."),
    ),
    Setting(
        "language", _("Language"), default="pt_BR", pattern=LANGUAGE.pattern, advanced=True,
        pattern_help=_("Write a code such as pt_BR or en_US."),
        help=_("Of names that Odoo translates, such as units and products."),
    ),
    Setting(
        "requisitions", _("Purchase requests come from"), "choice", default="auto", identity=True, advanced=True,
        choices=(
            ("auto", _("Whichever the server has")),
            (REQUESTS, _("Internal requests (purchase.request)")),
            (AGREEMENTS, _("Purchase agreements (purchase.requisition)")),
        ),
    ),
    Setting(
        "extra_fields", _("Added fields"), "rows", validate=check_rows,
        fields=(
            Setting("model", _("Kind of record"), "choice", required=True, choices=MODELS),
            Setting(
                "columns", _("Columns"), "columns",
                help=_(
                    "A sample proposes the fields that were added to this Odoo, such as those of Studio and of the "
                    "Brazilian localisation. A link gives its number to a whole-number column and its name to a text "
                    "column."
                ),
            ),
        ),
        help=_("Fields of this Odoo that the tables do not have yet."),
    ),
    Setting(
        "sweep_hours", _("Look for deleted records every (hours)"), "number", default=24, minimum=1, maximum=720,
        advanced=True,
        help=_("What is missing twice in a row is marked as deleted."),
    ),
    Setting(
        "gap_seconds", _("Seconds between calls"), "number", minimum=0, maximum=60, advanced=True,
        help=_("At least so many. Left empty: 1 for *.odoo.com, as Odoo asks for, otherwise 0."),
    ),
    Setting(
        "max_retries", _("Attempts per service"), "number", minimum=1, maximum=10, validate=whole, advanced=True,
        env="MAX_RETRIES", help=_("In one run, when Odoo does not answer. Left empty: as for all connections."),
    ),
    Setting(
        "retry_delay", _("Seconds between two attempts"), "number", minimum=0, maximum=600, validate=whole,
        advanced=True, env="RETRY_DELAY", help=_("Left empty: as for all connections."),
    ),
    Setting(
        "allow_private_addresses", _("Allow private addresses"), "boolean", default=False,
        help=_("For an Odoo in your own network. Leave off for anything on the internet."),
    ),
)  # fmt: skip
