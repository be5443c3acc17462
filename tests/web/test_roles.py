"""The role walk: every address of the console, asked for by everyone, answers as one table says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, get_resolver

from connections import audit
from connections.models import AuditEvent, Connection
from syncruns.models import ApiToken, Checkpoint, Correction, Document, QuarantinedRecord, SyncLog, SyncRun, Webhook

OPEN = "anyone, signed in or not"
DOOR = "a redirect for everyone"
SIGNED_IN = "whoever is signed in"
NOBODY = "not even an administrator"
TOKEN = "whoever has a token, which sessions are not"
ADMIN = "auth.change_user"  # what opens the admin site

VIEW = "connections.view_connection"
RUNS = "syncruns.view_syncrun"
CHANGES = "syncruns.view_change"
OPERATE = "connections.operate_connection"
ADD = "connections.add_connection"
DELETE = "connections.delete_connection"
USERS = "auth.change_user"
RECORDS = "syncruns.view_quarantinedrecord"
SYSTEM = "syncruns.view_systemjob"
CORRECTIONS = "syncruns.view_correction"
DOCUMENTS = "syncruns.view_document"
DATA = "connections.browse_rows"

# Each method of an address has a name; tests/api/test_tokens.py asks them with tokens.
API = (
    *("status", "trigger", "logs", "run", "events"),
    *("connections", "connection", "connection_change", "metrics"),
)

# Address -> permission. A pair is (to read, to send).
TABLE: dict[str, str | tuple[str, str]] = {
    "healthz": OPEN,
    "readyz": OPEN,
    "sign_in": OPEN,
    "sign_out": SIGNED_IN,
    "password_change": SIGNED_IN,
    "preferences": OPEN,
    "alerts": VIEW,
    "mail": "syncruns.view_delivery",
    "mail_test": "syncruns.add_delivery",
    "profile": SIGNED_IN,
    "users": USERS,
    "user_new": USERS,
    "user": USERS,
    "user_active": USERS,
    "user_password": USERS,
    "user_unlock": USERS,
    "welcome": OPEN,
    "overview": VIEW,
    "connections": VIEW,
    "connection": VIEW,
    "connection_row": VIEW,
    "connection_schedule": VIEW,
    "connection_pause": OPERATE,
    "connection_catch_up": "connections.change_connection",
    "schedule_preview": VIEW,
    "connection_runs": RUNS,
    "connection_new": ADD,
    "connection_new_kind": ADD,
    "connection_edit": "connections.test_connection",
    "connection_deletions": VIEW,
    "connection_decide": OPERATE,
    "connection_danger": DELETE,
    "connection_delete": DELETE,
    "connection_auto_sync": OPERATE,
    "connection_sync": OPERATE,
    "connections_bulk": OPERATE,
    "search": SIGNED_IN,
    "connection_stream": OPERATE,
    "connection_backfills": VIEW,
    "backfill_begin": OPERATE,
    "backfill_stop": OPERATE,
    "backfill_resume": OPERATE,
    "connection_reset": "connections.change_connection",
    "sample_create": ADD,
    "runs": RUNS,
    "run": RUNS,
    "run_progress": RUNS,
    "run_changes": CHANGES,
    "changes": CHANGES,
    "data": DATA,
    "data_table": DATA,
    "data_row": DATA,
    "data_personal": "connections.see_personal_data",
    "data_export": "connections.export_rows",
    "run_log": "syncruns.view_synclog",
    "run_cancel": OPERATE,
    "run_retry": OPERATE,
    "audit": "connections.view_auditevent",
    "review": RECORDS,
    "review_deletions": VIEW,
    "review_corrections": CORRECTIONS,
    "correction_decide": OPERATE,
    "record": (CORRECTIONS, OPERATE),
    "documents": DOCUMENTS,
    "document": DOCUMENTS,
    "document_content": DOCUMENTS,
    "connection_document": DOCUMENTS,
    "review_record": (RECORDS, OPERATE),
    "review_decide": OPERATE,
    "review_discard": OPERATE,
    "review_reopen": OPERATE,
    "tokens": "syncruns.add_apitoken",
    "token_revoke": "syncruns.change_apitoken",
    "webhooks": "syncruns.add_webhook",
    "webhook": "syncruns.change_webhook",
    "webhook_test": "syncruns.change_webhook",
    "webhook_rotate": "syncruns.change_webhook",
    "webhook_delete": "syncruns.delete_webhook",
    "prometheus": TOKEN,
    **dict.fromkeys((f"api:{name}" for name in API), TOKEN),
    "api:openapi-json": OPEN,
    "api:api-root": OPEN,
    "api:openapi-view": SIGNED_IN,
    "api:nothing_here": OPEN,
    "system": SYSTEM,
    "system_sources": SYSTEM,
    "admin:login": DOOR,
    "admin:index": ADMIN,
    "admin:app_list": ADMIN,
    "admin:logout": ADMIN,
    "admin:password_change": ADMIN,
    "admin:password_change_done": ADMIN,
    "admin:autocomplete": NOBODY,  # no admin has fields that use it
    "admin:jsi18n": ADMIN,
    "admin:view_on_site": ADMIN,
    "admin:auth_user_password_change": ADMIN,
    "admin:(?P<url>.*)$": ADMIN,
    "admin:<path:object_id>/": ADMIN,  # leads to the change page
}
# What an administrator may do with each model in the admin: to read, to send.
ALL = dict.fromkeys(("changelist", "add", "change", "delete", "history"), ADMIN)
READ = {"changelist": ADMIN, "add": NOBODY, "change": (ADMIN, NOBODY), "delete": NOBODY, "history": ADMIN}
MODELS: dict[str, dict[str, str | tuple[str, str]]] = {
    "auth_user": ALL,
    "auth_group": ALL,
    "connections_connection": READ | {"change": ADMIN},
    "connections_auditevent": READ,
    "syncruns_syncrun": READ,
    "syncruns_synclog": READ,
    "syncruns_checkpoint": READ,
    "syncruns_quarantinedrecord": READ,
}
TABLE |= {f"admin:{model}_{page}": rule for model, pages in MODELS.items() for page, rule in pages.items()}

# Buttons of one form that ask for more than the form.
BUTTONS = [
    ("connection_edit", {"save": "1"}, "connections.change_connection"),
    ("connection_edit", {"save_off": "1"}, "connections.change_connection"),
    ("connection_edit", {"suggest:streams:0": "1"}, "connections.change_connection"),
    ("admin:connections_connection_changelist", {"action": "switch_on"}, ADMIN),
    ("admin:connections_connection_changelist", {"action": "sync_now"}, ADMIN),
    ("admin:auth_user_changelist", {"action": "unlock"}, ADMIN),
]


def _addresses(patterns: list, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and route of every pattern; one without a name is called by its own part of the route."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or str(pattern.pattern)), route
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _addresses(pattern.url_patterns, route, namespace + inner)


ADDRESSES = list(_addresses(get_resolver().url_patterns))


@pytest.fixture
def person(viewer: User, operator: User, administrator: User) -> dict[str, User | None]:
    """One of each: role -> user; None is a browser that nobody signed in with."""
    nobody = User.objects.create_user("no role", password="correct horse battery staple")
    people = (viewer, operator, administrator)
    return {"anonymous": None, "no role": nobody} | {user.username: user for user in people}


@pytest.fixture
def fill(make_connection: Callable[..., Connection]) -> Callable[[str, str], str]:
    """Return a function that makes an address of a route, leading to rows that exist."""
    connection = make_connection()
    run = SyncRun.objects.create(connection=connection, trigger="manual")
    target = User.objects.create_user("target", password="correct horse battery staple")
    token = ApiToken.objects.create(name="a program", digest="d")
    webhook = Webhook.objects.create(name="a program", url="http://127.0.0.1:1/", secrets={"current": "s"})
    rows = {
        "auth/user": target,
        "auth/group": Group.objects.create(name="a group of its own"),
        "connections/connection": connection,
        "connections/auditevent": audit.record("run.requested", target=connection),
        "syncruns/syncrun": run,
        "syncruns/synclog": SyncLog.objects.create(run=run, event="run_started", params={"streams": "orders"}),
        "syncruns/checkpoint": Checkpoint.objects.create(connection=connection, stream="orders"),
        "syncruns/quarantinedrecord": QuarantinedRecord.objects.create(
            connection=connection, stream="orders", table="orders", record_key="1"
        ),
    }
    kept = Document.objects.create(
        connection=connection, sha256="a" * 64, content_type="text/plain", size=2, stored_size=2, body=b"ok",
        is_compressed=False,
    )  # fmt: skip
    correction = Correction.objects.create(
        connection=connection, stream="orders", table="orders", key=[1], record_key="1", column="total", made_by="ana"
    )
    values = {
        "slug": connection.slug,
        "kind": connection.kind,
        "stream": "orders",
        "backfill": "1",
        "schema": "rest",
        "table": "orders",
        "key": "1",
        "sha256": kept.sha256,
        "run_id": run.pk,
        "id": target.pk,
        "uidb64": "MQ",
        "token": "a-token",
        "content_type_id": "1",
        "app_label": "connections",
        "url": "nowhere/",
        "rest": "nowhere/",
    }

    def fill(name: str, route: str) -> str:
        pks = {
            "users": target.pk,
            "settings/tokens": token.pk,
            "settings/webhooks": webhook.pk,
            "documents": kept.pk,
            "review/corrections": correction.pk,
        }
        held = QuarantinedRecord.objects.get().pk
        values["pk"] = next((pk for path, pk in pks.items() if route.startswith(path)), held)
        row = next((row for path, row in rows.items() if f"admin/{path}/" in route), connection)
        chosen = values | {"object_id": row.pk}
        plain = re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", route).rstrip("$")
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(chosen[found[1]]), plain)

    return fill


def _ask(user: User | None, method: str, address: str, data: dict[str, str]) -> HttpResponse:
    """Ask, and undo whatever the answer changed."""
    client = Client()
    with transaction.atomic():
        if user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        response = getattr(client, method)(address, data)
        if response.streaming:
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    return response


def _is_sign_in(response: HttpResponse) -> bool:
    return response.status_code == 302 and response.headers["Location"].startswith(("/sign-in/", "/admin/login/"))


def _check(user: User | None, method: str, rule: str, response: HttpResponse) -> None:
    said = f"{user or 'anonymous'} {method} -> {response.status_code}, rule: {rule}"
    assert response.status_code < 500, said
    if rule == DOOR:
        assert response.status_code == 302, said
    elif rule == OPEN:
        assert response.status_code != 403, said
    elif rule == TOKEN:
        assert response.status_code in (401, 405), said
    elif user is None:
        assert _is_sign_in(response), said
    elif rule != SIGNED_IN and (rule == NOBODY or not user.has_perm(rule)):
        assert response.status_code in (403, 405), said
    else:
        assert response.status_code != 403 and not (_is_sign_in(response) and rule != SIGNED_IN), said


def test_every_address_is_in_the_table_and_the_table_names_no_other() -> None:
    assert {name for name, _route in ADDRESSES} == set(TABLE)


@pytest.mark.parametrize(("name", "route"), ADDRESSES, ids=[f"{name} {route}" for name, route in ADDRESSES])
def test_address_answers_each_role_as_the_table_says(
    name: str, route: str, person: dict[str, User | None], fill: Callable[[str, str], str]
) -> None:
    rule = TABLE[name]
    read, send = rule if isinstance(rule, tuple) else (rule, rule)
    address = fill(name, route)
    for user in person.values():
        answers = []
        for method, needed in (("get", read), ("post", send)):
            response = _ask(user, method, address, {})
            _check(user, method, needed, response)
            answers.append(response.status_code)
        assert answers != [405, 405]


@pytest.mark.parametrize(("name", "data", "rule"), BUTTONS)
def test_button_asks_for_its_own_permission(
    name: str, data: dict[str, str], rule: str, person: dict[str, User | None], fill: Callable[[str, str], str]
) -> None:
    address = fill(name, dict(ADDRESSES)[name])
    for user in person.values():
        _check(user, "post", rule, _ask(user, "post", address, data))


def test_each_role_has_what_the_smaller_one_has_and_more(viewer: User, operator: User, administrator: User) -> None:
    views, operates, administers = (user.get_all_permissions() for user in (viewer, operator, administrator))

    assert views < operates < administers
    assert not any(name.split(".")[1].startswith(("add_", "change_", "delete_")) for name in operates)


def test_roles_are_mended_by_the_next_migrate(viewer: User, operator: User) -> None:
    from connections.people.roles import ensure_roles

    group = Group.objects.get(name="viewer")
    group.permissions.set(Group.objects.get(name="operator").permissions.all())
    Group.objects.get(name="operator").delete()

    ensure_roles()
    ensure_roles()

    assert not User.objects.get(pk=viewer.pk).has_perm(OPERATE)
    assert Group.objects.get(name="operator").permissions.filter(codename="operate_connection").exists()


def test_operator_cannot_switch_through_the_admin(
    operator: User, fill: Callable[[str, str], str], signed_in: Callable[[User], Client]
) -> None:
    connection = Connection.objects.get()

    response = signed_in(operator).post(
        "/admin/connections/connection/", {"action": "switch_on", "_selected_action": connection.pk}
    )

    assert response.status_code == 403
    assert not AuditEvent.objects.filter(action="auto_sync.on").exists()
