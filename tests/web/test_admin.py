"""The admin: what it shows, what it refuses, and that no secret and no forgotten change slips through it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from connections import audit
from connections.models import AuditEvent, Connection, StreamSetting, UserPreference
from connections.services import check_values
from syncruns.models import Checkpoint, QuarantinedRecord, StreamRun, SyncLog, SyncRun

ORDERS = {
    "name": "orders",
    "path": "/orders",
    "columns": [{"name": "id", "path": "id", "type": "integer", "key": True}],
}
CANARY = "canary-7f3a-do-not-show"
SignIn = Callable[[User], Client]
Make = Callable[..., Connection]


@pytest.fixture
def browser(administrator: User, signed_in: SignIn) -> Client:
    UserPreference.objects.create(user=administrator, language="en")
    client = signed_in(administrator)
    AuditEvent.objects.all().delete()  # signing in is noted too
    return client


def _furnish(connection: Connection) -> SyncRun:
    """Give the connection a row of everything the admin shows."""
    run = SyncRun.objects.create(connection=connection, trigger="manual", state="failed", error_code="timeout",
                                 finished_at=connection.created_at)  # fmt: skip
    StreamRun.objects.create(run=run, stream="orders", label="Orders", read=3)
    SyncLog.objects.create(run=run, stream="orders", event="stream_started")
    StreamSetting.objects.create(connection=connection, stream="orders")
    Checkpoint.objects.create(connection=connection, stream="orders", state={"since": "2026-01-01"})
    QuarantinedRecord.objects.create(connection=connection, stream="orders", table="orders", record_key="1", run=run)
    audit.record("run.requested", target=connection)
    return run


def _pages() -> list[str]:
    """Return every list and every row's pages of the admin."""
    pages = ["/admin/"]
    for model in admin.site._registry:
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"{base}_changelist"))
        for row in model.objects.all():
            pages += [reverse(f"{base}_change", args=[row.pk]), reverse(f"{base}_history", args=[row.pk])]
    return pages


def test_stored_secret_is_on_no_admin_page_in_no_dump_and_in_no_table_in_the_clear(
    browser: Client, make_connection: Make
) -> None:
    connection = make_connection(secrets={"token": CANARY}, secrets_set_at={"token": "2026-11-01T00:00:00+00:00"})
    _furnish(connection)
    _edit(browser, connection, name="Renamed")
    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)

    for page in _pages():
        answer = browser.get(page)
        assert answer.status_code == 200, page
        assert CANARY not in answer.content.decode(), page
        assert connection.secrets.ciphertext() not in answer.content.decode(), page
    assert "Stored encrypted, never shown: token" in browser.get(_change(connection)).content.decode()
    assert CANARY not in dump.getvalue()
    assert CANARY not in str(AuditEvent.objects.values_list("params", flat=True))
    connection.refresh_from_db()
    assert connection.secrets.reveal() == {"token": CANARY}


def test_admin_pages_obey_the_content_security_policy(browser: Client, make_connection: Make) -> None:
    _furnish(make_connection())

    for page in _pages():
        html = browser.get(page).content.decode()
        assert not re.search(r"<[^>]+\sstyle=", html), page
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", html), page
        assert not re.search(r"<[^>]+\son\w+=", html), page


@pytest.mark.parametrize("model", [Connection, SyncRun, SyncLog, Checkpoint, QuarantinedRecord, AuditEvent])
def test_list_asks_the_database_as_often_for_many_rows_as_for_few(
    browser: Client, make_connection: Make, django_assert_max_num_queries, model: type
) -> None:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for _ in range(12):
        _furnish(make_connection(name="Shop"))

    with django_assert_max_num_queries(16):
        answer = browser.get(page, {"q": "o"})

    assert answer.status_code == 200


def test_lists_are_searched_and_filtered(browser: Client, make_connection: Make) -> None:
    make_connection(name="Bakery", status="error", status_code="timeout")
    run = _furnish(make_connection(name="Hardware"))

    def shown(page: str, **query: str) -> str:
        return browser.get(page, query).content.decode().split('id="changelist-filter"')[0]

    assert "Bakery" not in shown("/admin/connections/connection/", q="hard")
    assert "Hardware" not in shown("/admin/connections/connection/", status__exact="error")
    assert str(run) in shown("/admin/syncruns/syncrun/", q="hardw", state__exact="failed")
    assert str(run) not in shown("/admin/syncruns/syncrun/", state__exact="succeeded")
    assert str(run) in shown("/admin/syncruns/synclog/", run__id__exact=str(run.pk))
    assert "Started a sync" in shown("/admin/connections/auditevent/", q="hardware")


def test_secrets_cannot_be_found_by_asking(browser: Client, make_connection: Make) -> None:
    make_connection(name="Bakery", secrets={"token": CANARY})

    answer = browser.get("/admin/connections/connection/", {"secrets__startswith": "f1:"})

    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("?e=1")


def test_internal_tables_are_not_in_the_admin() -> None:
    shown = {model._meta.label for model in admin.site._registry}

    assert not {label for label in shown if label.startswith(("django_q.", "axes."))}


# Changes


def _change(connection: Connection) -> str:
    return f"/admin/connections/connection/{connection.pk}/change/"


def _edit(browser: Client, connection: Connection, **fields: str):
    form = {
        "name": connection.name, "schedule_kind": "interval", "interval_minutes": "30", "time_zone": "UTC",
        "jitter_seconds": "0", "catch_up": "one", "cron": "", "daily_at": "",
        "stream_settings-TOTAL_FORMS": "0", "stream_settings-INITIAL_FORMS": "0",
    }  # fmt: skip
    return browser.post(_change(connection), form | fields)


def test_edited_connection_goes_through_the_services(browser: Client, make_connection: Make) -> None:
    connection = make_connection()

    answer = _edit(browser, connection, name="Shop North", auto_sync="on", interval_minutes="5")

    connection.refresh_from_db()
    assert answer.status_code == 302
    assert (connection.name, connection.interval_minutes, connection.auto_sync) == ("Shop North", 5, True)
    assert connection.next_sync_at is not None
    actions = set(AuditEvent.objects.filter(actor="administrator").values_list("action", flat=True))
    assert actions == {"connection.changed", "auto_sync.on"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schedule_kind": "cron", "cron": "0 0 31 2 *"}, "cron"),
        ({"schedule_kind": "cron", "cron": "every now and then"}, "cron"),
        ({"schedule_kind": "daily"}, "daily_at"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"interval_minutes": "0"}, "interval_minutes"),
        ({"name": "  "}, "name"),
    ],
)
def test_schedule_that_cannot_run_is_refused_beside_its_field(
    browser: Client, make_connection: Make, fields: dict[str, str], field: str
) -> None:
    answer = _edit(browser, make_connection(), **fields)

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not AuditEvent.objects.exists()


def test_actions_switch_and_sync_the_chosen_connections(browser: Client, make_connection: Make) -> None:
    config = check_values(
        "rest", {"base_url": "http://127.0.0.1:9/", "table_prefix": "shop", "streams": [ORDERS]}
    ).config
    shops = [make_connection(config=config) for _ in range(2)]

    def act(action: str) -> None:
        chosen = [shop.pk for shop in shops]
        browser.post("/admin/connections/connection/", {"action": action, "_selected_action": chosen})

    act("switch_on")
    assert Connection.objects.filter(auto_sync=True).count() == 2
    act("switch_off")
    assert Connection.objects.filter(auto_sync=True).count() == 0
    act("sync_now")
    act("sync_now")
    assert SyncRun.objects.count() == 2
    assert AuditEvent.objects.filter(action="run.requested", actor="administrator").count() == 2


# People


def _person(**fields: object) -> dict[str, object]:
    inline = {f"preference-{name}_FORMS": value for name, value in (("TOTAL", 0), ("INITIAL", 0))}
    return {"username": "ana", "first_name": "Ana", "is_active": "on"} | inline | fields


def test_new_person_gets_a_role_and_must_choose_a_password(browser: Client) -> None:
    role = Group.objects.get(name="operator")
    password = "correct horse battery staple"  # noqa: S105
    browser.post("/admin/auth/user/add/", _person(password1=password, password2=password, groups=[role.pk]))

    ana = User.objects.get(username="ana")
    assert ana.groups.get() == role
    assert ana.preference.must_change_password
    assert list(AuditEvent.objects.order_by("id").values_list("action", "target_name")) == [
        ("user.created", "ana"),
        ("role.changed", "ana"),
    ]


def test_changed_role_and_removed_person_are_noted(browser: Client, viewer: User) -> None:
    role = Group.objects.get(name="operator")
    browser.post(f"/admin/auth/user/{viewer.pk}/change/", _person(username="viewer", groups=[role.pk]))
    browser.post(f"/admin/auth/user/{viewer.pk}/delete/", {"post": "yes"})

    noted = AuditEvent.objects.order_by("id").values_list("action", "target_name", "params")
    assert list(noted) == [
        ("user.changed", "viewer", {"fields": ["first_name"]}),
        ("role.changed", "viewer", {"before": ["viewer"], "after": ["operator"]}),
        ("user.deleted", "viewer", {}),
    ]


def test_password_set_by_another_must_be_replaced(browser: Client, viewer: User) -> None:
    new = "a longer battery of horses"
    page = f"/admin/auth/user/{viewer.pk}/password/"
    browser.post(page, {"password1": new, "password2": new, "usable_password": "true"})

    viewer.refresh_from_db()
    assert viewer.check_password(new)
    assert viewer.preference.must_change_password
    assert AuditEvent.objects.get().action == "password.changed"


def test_administrator_cannot_touch_a_superuser_nor_become_one(browser: Client, administrator: User) -> None:
    chief = User.objects.create_superuser("chief", password="correct horse battery staple")

    assert browser.post(f"/admin/auth/user/{chief.pk}/change/", _person(username="chief")).status_code == 403
    assert browser.post(f"/admin/auth/user/{chief.pk}/password/", {}).status_code == 403
    assert browser.post(f"/admin/auth/user/{chief.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [chief.pk], "post": "yes"})
    browser.post(f"/admin/auth/user/{administrator.pk}/change/", _person(username="administrator", is_superuser="on"))

    chief.refresh_from_db()
    administrator.refresh_from_db()
    assert not administrator.is_superuser
    assert chief.is_active


def test_no_one_locks_himself_out(browser: Client, administrator: User) -> None:
    page = f"/admin/auth/user/{administrator.pk}/"
    browser.post(f"{page}change/", {"username": "administrator", "preference-TOTAL_FORMS": 0,
                                    "preference-INITIAL_FORMS": 0})  # fmt: skip

    assert browser.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    administrator.refresh_from_db()
    assert administrator.is_active
    assert administrator.has_perm("auth.change_user")


def test_filters_offer_no_link_without_words(browser: Client) -> None:
    for kind in ("", "connection"):
        AuditEvent.objects.create(actor="ana", action="mail.tested", target_kind=kind)
    shown = browser.get("/admin/connections/auditevent/").content.decode()
    assert '"?target_kind=connection"' in shown and '"?target_kind="' not in shown


def test_filters_call_values_what_people_call_them(browser: Client, make_connection: Make) -> None:
    make_connection(), make_connection(kind="of-an-earlier-version")
    audit.record("stream.changed", target=make_connection(), stream="orders")

    def offered(page: str) -> list[str]:
        panel = browser.get(page).content.decode().split('id="changelist-filter"')[1].split("</nav>")[0]
        return [" ".join(words.split()) for words in re.findall(r"<a [^>]*>([^<]+)</a>", panel)]

    assert {"JSON API (REST)", "of-an-earlier-version"} <= set(offered("/admin/connections/connection/"))
    assert {"Changed the stream …", "Connection"} <= set(offered("/admin/connections/auditevent/"))
    assert {"Viewer", "Operator", "Administrator"} <= set(offered("/admin/auth/user/"))


def test_permissions_are_told_in_the_reader_s_language(browser: Client) -> None:
    UserPreference.objects.update(language="pt-br")
    new = browser.get("/admin/auth/group/add/").content.decode()
    viewer_id = Group.objects.get(name="viewer").pk
    shown = browser.get(f"/admin/auth/group/{viewer_id}/change/")
    assert "Conexão: excluir" in new and "Can " not in new and "Access attempt" not in new
    assert "Conexão: Pode ver as linhas das tabelas de destino" in shown.content.decode()


def test_what_django_words_when_it_loads_is_told_in_the_reader_s_language(browser: Client, viewer: User) -> None:
    UserPreference.objects.update(language="en")
    page = f"/admin/auth/user/{viewer.pk}"
    password, deletion = (browser.get(f"{page}/{act}/").content.decode() for act in ("password", "delete"))
    assert "Whether the user will be able to authenticate" in password
    assert "If disabled, the current password for this user will be lost." in password
    assert "Roles: 1" in deletion and "Role: Viewer" in deletion and "Relacionamento" not in deletion


def test_settings_of_streams_are_headed_in_the_reader_s_language(browser: Client, make_connection: Make) -> None:
    UserPreference.objects.update(language="pt-br")
    connection = make_connection()
    StreamSetting.objects.create(connection=connection, stream="orders")
    shown = browser.get(f"/admin/connections/connection/{connection.pk}/change/").content.decode()
    assert re.findall(r'class="column-[a-z_]+">([^<]+)<', shown)[:2] == ["Serviço", "Ligado"]
    assert "orders</p>" in shown


def test_roles_are_not_edited_by_hand(browser: Client) -> None:
    role = Group.objects.get(name="viewer")

    assert browser.post(f"/admin/auth/group/{role.pk}/change/", {"name": "reader"}).status_code == 403
    assert browser.post(f"/admin/auth/group/{role.pk}/delete/", {"post": "yes"}).status_code == 403
