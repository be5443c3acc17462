"""Every page of the console by the name of its address, and in which states it is looked at.

A new address fails tests/web/test_addresses.py until it stands here: as a page, or as none with the reason.
`{words}` in a path stand for what the database holds (tests/browser/seed.py, what_there_is).
"""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

UNKNOWN = "&".join(f"{name}={'x' * 90}" for name in ("connection", "state", "action"))  # in the address of a list
STATES = "states"  # answers that take the place of a page (tests/browser/states_urls.py)
# A company with three hundred connections: long names, failing, running, waiting, off.
FULL: dict[str, tuple[str, ...]] = {
    "overview": ("/", "/?period=7d"),
    "connections": ("/connections/", "/connections/?page=3", "/connections/?health=running", "/connections/?q=nobody"),
    "connection": tuple(
        f"/connections/{{{one}}}/"
        for one in ("usual", "failing", "running", "long", "new", "quota", "turned", "strange", "filled")
    ),
    "connection_runs": ("/connections/{usual}/runs/", "/connections/{long}/runs/", "/connections/{new}/runs/"),
    "connection_schedule": (
        "/connections/{usual}/schedule/",
        "/connections/{off}/schedule/",
        "/connections/{paused}/schedule/",
    ),
    "connection_backfills": ("/connections/{filled}/backfills/", "/connections/{usual}/backfills/"),
    "connection_deletions": ("/connections/{held}/deletions/", "/connections/{usual}/deletions/"),
    "connection_danger": ("/connections/{usual}/danger/", "/connections/{long}/danger/"),
    "connection_edit": ("/connections/{usual}/settings/", "/connections/{long}/settings/"),
    "connection_new": ("/connections/new/",),
    "connection_new_kind": tuple(f"/connections/new/{kind}/" for kind in ("auvo", "odoo", "rest")),
    "connection_reset": ("/connections/{usual}/streams/orders/reset/", "/connections/{running}/streams/orders/reset/"),
    "connection_document": ("/connections/{usual}/documents/{sha256}/", "/connections/{usual}/documents/none/"),
    "record": ("/connections/{usual}/records/orders/erp_orders/48211/",),
    "search": ("/search/?q=o", "/search/?q=nobody"),
    "data": ("/data/", "/data/?page=2", "/data/?q=nobody"),
    "data_table": (
        "/data/rest/erp_orders/?add=total&has:cliente=a&sort=-id",
        "/data/rest/erp_orders/",
        "/data/rest/erp_orders/?has:cliente=nobody",
    ),
    "data_row": ("/data/rest/erp_orders/row/?of={usual_id}&key=48211",),
    "data_export": ("/data/rest/erp_orders/export/",),
    "runs": (
        "/runs/",
        "/runs/?page=3",
        "/runs/?state=failures",
        "/runs/?state=cancelled&span=24h",
        f"/runs/?{UNKNOWN}",
    ),
    "run": tuple(
        f"/runs/{{run_{state}}}/"
        for state in (
            "succeeded",
            "failed",
            "running",
            "partial",
            "skipped",
            "queued",
            "cancelled",
            "lost",
            "timed_out",
            "dry",
        )
    ),
    "run_changes": ("/runs/{run_changed}/changes/", "/runs/{run_changed}/changes/?kind=inserted"),
    "changes": ("/changes/", "/changes/?kind=deleted&period=24h"),
    "review": ("/review/", "/review/?state=discarded", "/review/?q=nobody", f"/review/?{UNKNOWN}"),
    "review_record": (
        "/review/records/{record}/",
        "/review/records/{record_long}/",
        "/review/records/{record_closed}/",
    ),
    "review_deletions": ("/review/deletions/",),
    "review_corrections": ("/review/corrections/",),
    "documents": ("/documents/", "/documents/?q=nothing"),
    "document": ("/documents/{document}/",),
    "audit": ("/audit/", "/audit/?who=ana&action=review", f"/audit/?{UNKNOWN}"),
    "system": ("/system/",),
    "users": ("/users/", "/users/?q=nobody"),
    "user_new": ("/users/new/",),
    "user": ("/users/{user}/", "/users/{active_user}/"),
    "preferences": ("/preferences/",),
    "alerts": ("/preferences/alerts/",),
    "password_change": ("/password/",),
    "mail": ("/settings/mail/",),
    "tokens": ("/settings/tokens/",),
    "webhooks": ("/settings/webhooks/",),
    "webhook": ("/settings/webhooks/{webhook}/",),
    STATES: tuple(f"/states/{answer}/" for answer in ("403", "404", "500")),
}

# The first day: no connection, no run, nobody but one administrator.
EMPTY: dict[str, tuple[str, ...]] = {
    "overview": ("/",),
    "connections": ("/connections/",),
    "connection_new": ("/connections/new/",),
    "runs": ("/runs/",),
    "changes": ("/changes/",),
    "data": ("/data/",),
    "search": ("/search/?q=o",),
    "review": ("/review/",),
    "review_deletions": ("/review/deletions/",),
    "review_corrections": ("/review/corrections/",),
    "documents": ("/documents/",),
    "audit": ("/audit/",),
    "system": ("/system/",),
    "users": ("/users/",),
    "alerts": ("/preferences/alerts/",),
    "mail": ("/settings/mail/",),
    "tokens": ("/settings/tokens/",),
    "webhooks": ("/settings/webhooks/",),
}

# What people see whose role lets them do less.
ROLES: dict[str, tuple[str, ...]] = {
    "overview": ("/",),
    "connections": ("/connections/",),
    "connection": tuple(f"/connections/{{{one}}}/" for one in ("usual", "failing", "running", "long", "turned")),
    "connection_schedule": ("/connections/{usual}/schedule/", "/connections/{paused}/schedule/"),
    "connection_backfills": ("/connections/{filled}/backfills/",),
    "connection_deletions": ("/connections/{held}/deletions/",),
    "run": ("/runs/{run_failed}/", "/runs/{run_running}/"),
    "review": ("/review/",),
    "review_record": ("/review/records/{record}/",),
    "preferences": ("/preferences/",),
}

# Who must choose a password of his own is led there from everywhere.
NEWCOMER: dict[str, tuple[str, ...]] = {"password_change": ("/",)}

# Django's admin, by its models; the first four are looked at everyday.
ADMIN: dict[str, tuple[str, ...]] = {
    "index": ("/admin/", "/admin/syncruns/"),
    "run": (
        "/admin/syncruns/syncrun/",
        "/admin/syncruns/syncrun/?state__exact=failed&q=erp",
        "/admin/syncruns/syncrun/{run_running}/change/",
        "/admin/syncruns/syncrun/{run_running}/history/",
    ),
    "user": (
        "/admin/auth/user/{user}/change/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        "/admin/auth/user/{user}/delete/",
        "/admin/auth/user/{user}/history/",
        "/admin/auth/user/{user}/password/",
    ),
    "connection": (
        "/admin/connections/connection/{usual_id}/change/",
        "/admin/connections/connection/{long_id}/change/",
        "/admin/connections/connection/{usual_id}/history/",
        "/admin/connections/connection/",
    ),
    "role": ("/admin/auth/group/", "/admin/auth/group/add/", "/admin/auth/group/{role}/change/"),
    **{
        model: (f"/admin/{model}/", f"/admin/{model}/{{{row}}}/change/", f"/admin/{model}/{{{row}}}/history/")
        for model, row in {
            "syncruns/synclog": "entry",
            "syncruns/checkpoint": "checkpoint",
            "syncruns/quarantinedrecord": "record_long",
            "connections/auditevent": "event",
        }.items()
    },
}

# Without a session. Those under /states/ are answers that take the place of a page (tests/browser/states_urls.py).
SIGNED_OUT: dict[str, tuple[str, ...]] = {
    "sign_in": ("/sign-in/", "/runs/?state=failures"),
    "welcome": ("{invited}", "/welcome/MQ/expired/"),
    STATES: tuple(f"/states/{answer}/" for answer in ("400", "403-csrf", "404", "500", "503", "maintenance", "locked")),
}

# Forms that were sent with nothing, or nonsense, in them: path -> what is pressed.
REFUSED: dict[str, str] = {
    "/sign-in/": "main form",
    "/connections/new/odoo/": "#connection-form",
    "/connections/new/rest/": "#connection-form",
    "/connections/{usual}/danger/": "form[action$='/delete/']",
    "/connections/{usual}/schedule/": "form[action$='/pause/']",
    "/connections/{filled}/backfills/": "form[action$='/begin/']",
    "/connections/{usual}/streams/orders/reset/": "main form.narrow",
    "/review/records/{record}/": "main form",
    "/review/records/{record_long}/": "main form",
    "/users/new/": "main form",
    "/password/": "main form",
    "/settings/mail/": "form[action$='/mail/test/']",
    "/settings/tokens/": "main form",
    "/settings/webhooks/": "main form",
}

# Pages that a button leads to, and no address: path -> what is sent of which form, beside what stands in it.
SENT: dict[str, tuple[str, dict[str, str]]] = {
    "/connections/{usual}/settings/": (
        "#connection-form", {"config:base_url": "https://other.example.com", "save": "1"}
    ),
    "/users/{active_user}/": ("form[action$='/password/']", {}),
    "/settings/tokens/": ("main form", {"name": "Painel de vendas"}),
    "/settings/webhooks/{webhook}/": ("form[action$='/rotate/']", {}),
    "/review/records/{record}/": ("main form", {"total": "1x"}),
    "/review/": ("form[action$='/review/records/']", {"record": "{record}", "act": "discard"}),
}  # fmt: skip

# A form that is sent after its session has ended: the sign-in page keeps it, and the page after it offers to send it.
ENDED = ("/preferences/", "form[action$='/profile/']", {"first_name": "Ana"})

ACTS = "a button's address: answers GET with 405"
PART = "a part of a page that is in the list"
FOR_PROGRAMS = "no page: read by programs"
FILE = "a file, no page"
NO_PAGES: dict[str, str] = {
    "healthz": FOR_PROGRAMS,
    "readyz": FOR_PROGRAMS,
    "prometheus": FOR_PROGRAMS,
    "connection_row": PART,
    "run_progress": PART,
    "schedule_preview": PART,
    "document_content": FILE,
    "run_log": FILE,
    **dict.fromkeys(
        (
            "sign_out", "profile", "user_active", "user_password", "user_unlock", "sample_create", "connection_pause",
            "connection_catch_up", "connection_decide", "connection_auto_sync", "connection_sync", "connection_stream",
            "backfill_begin", "backfill_stop", "backfill_resume", "connection_delete", "run_cancel", "run_retry",
            "correction_decide", "review_decide", "review_discard", "review_reopen", "token_revoke", "webhook_test",
            "webhook_rotate", "webhook_delete", "mail_test", "system_sources", "connections_bulk", "data_personal",
        ),
        ACTS,
    ),
}  # fmt: skip
# Whole namespaces: Django's admin, whose pages are listed by model, and the API, whose page is looked at by itself.
APART = ("admin", "api")


def names_of_addresses(resolver: URLResolver | None = None, below: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and pattern of every address, those of APART excepted."""
    for one in (resolver or get_resolver("config.urls")).url_patterns:
        if isinstance(one, URLPattern):
            yield one.name or "", below + str(one.pattern)
        elif one.namespace not in APART:
            yield from names_of_addresses(one, below + str(one.pattern))
