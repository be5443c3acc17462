"""What a person says about a JSON API: where it is, how it knows us, and its streams."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connections.connectors.rest.shape import Row, shape_of
from connections.sdk import urls
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected, Setting, whole
from connections.sdk.text import gettext_noop as _

HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([\x20-\x7e]+)")
CREDENTIAL = re.compile(r"auth|cookie|token|secret|passw|senha|api-?_?key|access-?_?key|credential", re.IGNORECASE)
OURS = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
PATH = r"[^.]+(\.[^.]+)*"
PATH_HELP = _("Write names separated by dots, such as data or meta.total.")


def check_base_url(value: str) -> None:
    try:
        urls.checked_base(value)
    except SyncError:
        raise Rejected(_("Write an address such as https://api.example.com/v1, without user and without ?.")) from None


def check_headers(lines: list[str]) -> None:
    for line in lines:
        header = HEADER.fullmatch(line)
        if header is None:
            raise Rejected(_("Write each header as Name: value, without accents."))
        if CREDENTIAL.search(header[1]):
            raise Rejected(
                _("%(name)s looks like a credential. Choose it under Sign-in, where it is stored encrypted."),
                name=header[1],
            )
        if header[1].lower() in OURS:
            raise Rejected(_("%(name)s is set by the console itself."), name=header[1])


def check_header_secret(value: str) -> None:
    if not value.isascii() or not value.isprintable():
        raise Rejected(_("This value has characters that cannot be sent in a header, such as accents or line ends."))


def check_zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(_("There is no time zone called %(zone)s."), zone=value) from None


def check_path(value: str) -> None:
    try:
        is_elsewhere = bool(urlsplit(value).netloc)
    except ValueError:
        is_elsewhere = True
    if is_elsewhere:
        raise Rejected(_("Write what comes after the base address, such as orders or orders?status=all."))


def check_streams(rows: list[Row]) -> None:
    """Check what only the streams together show: names, keys, tables. Raises Rejected at the first problem."""
    tables: dict[str, int] = {}
    for number, row in enumerate(rows):
        if "columns" not in row:  # a sample is read before there are any
            continue
        try:
            shape = shape_of(row, "")
        except Rejected as rejected:
            raise Rejected(rejected.text, at=(number, *rejected.at), **rejected.params) from None
        for table in shape.stream.tables:
            if table.name in tables:
                raise Rejected(
                    _("This would have the same table as another stream. Choose another name."), at=(number, "name")
                )
            tables[table.name] = number


STREAM: tuple[Setting, ...] = (
    Setting(
        "name", _("Name"), required=True, pattern=r"[a-z][a-z0-9_]{0,29}", placeholder="orders",
        pattern_help=_("Use at most 30 small letters without accents, digits and _, starting with a letter."),
        help=_("The table is named after it; it cannot change later without a new table."),
    ),
    Setting("label", _("Label"), help=_("How the stream is shown; left empty, its name.")),
    Setting(
        "path", _("Path"), required=True, placeholder="orders?status=all", validate=check_path,
        help=_("What comes after the base address; it may have parameters of its own."),
    ),
    Setting(
        "records", _("Where the records are"), placeholder="data.items", pattern=PATH, pattern_help=PATH_HELP,
        help=_("Path to the list inside the answer. Leave empty when the answer is the list itself."),
    ),
    Setting(
        "pagination", _("Pages"), "choice", default="none",
        choices=(
            ("none", _("Everything in one answer")),
            ("page", _("Page number")),
            ("offset", _("Offset")),
            ("cursor", _("Cursor in the answer")),
            ("next_link", _("Link to the next page in the answer")),
            ("link_header", _("Link header")),
        ),
        help=_("How the API cuts long lists. Numbers and offsets are counted up until a page is empty."),
    ),
    Setting("page_parameter", _("Page parameter"), default="page", shown_if=("pagination", ("page",))),
    Setting(
        "first_page", _("First page"), "number", default=1, minimum=0, validate=whole,
        shown_if=("pagination", ("page",)),
    ),
    Setting(
        "page_count", _("Where the number of pages is"), placeholder="meta.pages", pattern=PATH, pattern_help=PATH_HELP,
        shown_if=("pagination", ("page",)),
        help=_("For APIs that answer with an error, or with the last page again, once there are no more."),
    ),
    Setting("offset_parameter", _("Offset parameter"), default="offset", shown_if=("pagination", ("offset",))),
    Setting("cursor_parameter", _("Cursor parameter"), default="cursor", shown_if=("pagination", ("cursor",))),
    Setting(
        "next_cursor", _("Where the next cursor is"), required=True, placeholder="meta.next_cursor", pattern=PATH,
        pattern_help=PATH_HELP, shown_if=("pagination", ("cursor",)),
    ),
    Setting(
        "next_link", _("Where the next link is"), required=True, placeholder="links.next", pattern=PATH,
        pattern_help=PATH_HELP, shown_if=("pagination", ("next_link",)),
    ),
    Setting(
        "size_parameter", _("Page size parameter"), placeholder="per_page",
        shown_if=("pagination", ("page", "offset", "cursor", "next_link", "link_header")),
        help=_("Leave empty when the API does not let you choose."),
    ),
    Setting(
        "page_size", _("Records per page"), "number", default=100, minimum=1, maximum=10_000,
        validate=whole,
        shown_if=("pagination", ("page", "offset", "cursor", "next_link", "link_header")),
    ),
    Setting(
        "total", _("Where the total is"), placeholder="meta.total", pattern=PATH, pattern_help=PATH_HELP,
        help=_("Path to how many records there are in all, if the answer says it: for progress, and to know the end."),
    ),
    Setting(
        "incremental", _("Ask only for what changed"), "boolean", default=False,
        help=_("For APIs that can be asked for what changed since a moment. Otherwise everything is read each time."),
    ),
    Setting(
        "missing", _("Records no longer in the list"), "choice", default="delete", shown_if=("incremental", (False,)),
        choices=(("delete", _("Mark them as deleted")), ("keep", _("Keep them"))),
        help=_(
            "Deleted means missing from two complete reads in a row. Keep them when the list shows only some records, "
            "such as recent or open ones."
        ),
    ),
    Setting(
        "since_parameter", _("Changed-since parameter"), required=True, placeholder="updated_since",
        shown_if=("incremental", (True,)),
    ),
    Setting(
        "since_format", _("Written as"), "choice", default="iso", shown_if=("incremental", (True,)),
        choices=(
            ("iso", _("2026-12-31T23:59:59Z")),
            ("date", _("2026-12-31 (a date)")),
            ("epoch", _("Seconds since 1970")),
            ("epoch_ms", _("Milliseconds since 1970")),
        ),
    ),
    Setting(
        "change_field", _("Change moment in the record"), required=True, placeholder="updated_at", pattern=PATH,
        pattern_help=PATH_HELP, shown_if=("incremental", (True,)),
        help=_("The field that says when the record was last changed; the next sync goes on from the newest one."),
    ),
    Setting(
        "overlap_minutes", _("Read again (minutes)"), "number", default=5, minimum=0, maximum=10_080,
        validate=whole,
        shown_if=("incremental", (True,)),
        help=_("How far before the last change seen to start, for sources that show changes late."),
    ),
    Setting(
        "columns", _("Columns"), "columns", required=True,
        help=_(
            "A sample of the source can fill this in. items[].sku goes to a table of its own. Personal values, such as "
            "a CPF, are masked for those who only view."
        ),
    ),
)  # fmt: skip

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "base_url", _("Base address"), required=True, placeholder="https://api.example.com/v1", validate=check_base_url,
        destination=True, identity=True, help=_("What all addresses of the API begin with."),
    ),
    Setting(
        "table_prefix", _("Table prefix"), required=True, identity=True, pattern=r"[a-z][a-z0-9_]{0,29}",
        pattern_help=_("Use at most 30 small letters without accents, digits and _, starting with a letter."),
        placeholder="shop", help=_(
            "Tables are named after it and the stream: rest.shop_orders on PostgreSQL, rest_shop_orders on SQLite."
        ),
    ),
    Setting(
        "auth", _("Sign-in"), "choice", default="none",
        choices=(
            ("none", _("None needed")),
            ("basic", _("User and password")),
            ("bearer", _("Bearer token")),
            ("header", _("Key in a header")),
            ("query", _("Key in the address")),
        ),
    ),
    Setting("username", _("User"), required=True, shown_if=("auth", ("basic",))),
    Setting("password", _("Password"), "secret", required=True, shown_if=("auth", ("basic",))),
    Setting(
        "token", _("Token"), "secret", required=True, shown_if=("auth", ("bearer",)), validate=check_header_secret
    ),
    Setting(
        "header_name", _("Header"), default="X-API-Key", shown_if=("auth", ("header",)),
        pattern=r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", pattern_help=_("Write the name of a header, such as X-API-Key."),
    ),
    Setting("query_parameter", _("Parameter"), default="api_key", shown_if=("auth", ("query",))),
    Setting(
        "api_key", _("Key"), "secret", required=True, shown_if=("auth", ("header", "query")),
        validate=check_header_secret,
    ),
    Setting(
        "headers", _("Extra headers"), "list", validate=check_headers, placeholder="Accept-Language: pt-BR",
        help=_("One on each line, as Name: value. Keys and tokens belong under Sign-in."),
    ),
    Setting(
        "requests_per_minute", _("Requests per minute"), "number", minimum=1, maximum=6_000, validate=whole,
        help=_("At most so many, if the API has a limit; shared by all workers."),
    ),
    Setting(
        "time_zone", _("Time zone of the API"), default="UTC", validate=check_zone, placeholder="America/Sao_Paulo",
        help=_("For dates and times that the API writes without a zone."),
    ),
    Setting(
        "allow_private_addresses", _("Allow private addresses"), "boolean", default=False,
        help=_("For systems in your own network. Leave off for anything on the internet."),
    ),
    Setting(
        "streams", _("Streams"), "rows", required=True, fields=STREAM, validate=check_streams,
        help=_("One for each list of records to read."),
    ),
)  # fmt: skip
