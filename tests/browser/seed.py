"""Makes the databases that pages are looked at with: `python -m tests.browser.seed full|empty PASSWORD`."""

from __future__ import annotations

import sys
import uuid
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.console import Console

LONG = "Integração financeira consolidada das filiais do Sul e Sudeste com conciliação diária de títulos"
UNBROKEN = "x" * 60
MANY = 300
INVITED = "invited.txt"


def main(what: str, password: str) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    from tests.browser.demo import fill, person

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        ana = person(password)
        if what == "full":
            fill(ana)
            _crowd()
            _lengthen()
            _decisions()
            _system(ana)
            _colleagues(password)


def _crowd() -> None:
    """Three hundred connections, and a failure of every code among their runs."""
    from connections.sdk.errors import CODES
    from syncruns.models import SyncRun
    from tests.web.crowd import populate

    populate(MANY, 2)
    failed = SyncRun.objects.filter(state="failed", error_code="").order_by("queued_at")
    for code, run in zip(CODES, failed, strict=False):
        SyncRun.objects.filter(pk=run.pk).update(error_code=code, error_detail=f"{UNBROKEN} {LONG} " * 4)


def _lengthen() -> None:
    """Names, values and messages as long as they may be, with a gap and without."""
    from connections.models import AuditEvent, Connection
    from syncruns.models import Change, QuarantinedRecord, SyncLog, SyncRun

    streams = [
        {"name": f"stream_{number}", "label": label, "path": "/orders", "columns": [
            {"path": UNBROKEN, "name": UNBROKEN[:50], "type": "decimal", "precision": 12, "scale": 2, "key": True},
            {"path": "cliente", "name": "cliente", "type": "text", "personal": True},
        ]}
        for number, label in enumerate((LONG, UNBROKEN))
    ]  # fmt: skip
    config = {"base_url": f"https://{UNBROKEN}.example.com/{UNBROKEN}", "auth": "none", "streams": streams}
    long = Connection.objects.get(slug="filial-41")
    Connection.objects.filter(pk=long.pk).update(
        name=LONG,
        tags=[UNBROKEN[:40], "Vendas", LONG[:40]],
        config=config | {"table_prefix": "p" * 30},
        description=f"{LONG}\n\n{UNBROKEN * 3}\n{LONG} " + LONG[:100],
    )
    Connection.objects.filter(slug="filial-13").update(name=UNBROKEN)
    run = long.runs.order_by("-queued_at")[0]
    SyncRun.objects.filter(pk=run.pk).update(
        state="partial", error_code="records_quarantined", quarantined=3, updated=12, deleted=2, inserted=1
    )
    params = {"source": LONG, "status": 401}
    SyncLog.objects.bulk_create(
        SyncLog(run=run, level=level, stream="stream_1", event=event, params=params, repeats=repeats)
        for level, event, repeats in (("info", "run_started", 1), ("error", "failed.credentials_refused", 1204))
    )
    Change.objects.bulk_create(
        Change(
            run=run, stream="stream_1", table=UNBROKEN, kind=kind, key=[UNBROKEN, LONG], name=["cliente", LONG],
            columns=[[f"{UNBROKEN}{number}", LONG, f"{UNBROKEN} {LONG}" * 3] for number in range(9)],
        )
        for kind in ("inserted", "updated", "deleted")
    )  # fmt: skip
    QuarantinedRecord.objects.create(
        connection=long, run=run, stream="stream_1", table=UNBROKEN, record_key=UNBROKEN * 3, reason="not_a_number",
        record={"cliente": LONG * 9, UNBROKEN[:50]: UNBROKEN * 9},
        reasons={UNBROKEN[:50]: {"code": "not_a_number", "params": {}}},
    )  # fmt: skip
    for number in range(9):
        params = {"table": f"rest_{UNBROKEN[:50]}", "column": f"{UNBROKEN[:50]}{number}", "type": "decimal(12,2)"}
        AuditEvent.objects.create(
            actor="sincro", action="schema.column_added", target_kind="connection", target_id=long.pk,
            target_name=LONG, params=params,
        )  # fmt: skip
    AuditEvent.objects.create(
        actor=UNBROKEN, action="connection.changed", target_kind="connection", target_id=long.pk, target_name=LONG,
        params={"fields": ["schedule"]},
    )  # fmt: skip


def _decisions() -> None:
    """What waits for a person, and runs that ended in rare ways."""
    from django.utils import timezone

    from connections.models import Connection
    from syncruns.models import Backfill, Correction, Document, SyncRun
    from tests.web.console_pages import hold_deletions, make_run

    now = timezone.now()
    shop, held = Connection.objects.get(slug="loja-virtual"), Connection.objects.get(slug="filial-22")
    hold_deletions(held, [{"id": number, "total": LONG} for number in range(40)])
    for state, fields in {
        "partial": {"quarantined": 4, "error_code": "records_quarantined"}, "cancelled": {},
        "timed_out": {"error_code": "timed_out", "finished_at": now - timedelta(hours=4)},
        "lost": {"error_code": "worker_lost"}, "succeeded": {"trigger": "dry_run"},
    }.items():  # fmt: skip
        make_run(held, state, ago=timedelta(hours=5), **fields)
    make_run(Connection.objects.get(slug="filial-23"), "queued")
    Connection.objects.filter(pk=shop.pk).update(first_loaded_at=now)
    Connection.objects.filter(slug="filial-24").update(paused_until=now + timedelta(days=2))
    Connection.objects.filter(slug="filial-26").update(first_loaded_at=now, starts_over=True)
    Connection.objects.filter(slug="filial-28").update(kind="of-an-earlier-version")
    for state in Correction.State.values:
        Correction.objects.create(
            connection=shop, stream="orders", table="erp_orders", key=[1], record_key=f"{state} {UNBROKEN}",
            column="cliente", source=LONG, value=UNBROKEN, changed_to="other", state=state, note=LONG, made_by="ana",
            superseded_at=now if state == "superseded" else None,
        )  # fmt: skip
    for number, name in enumerate((f"{UNBROKEN}{UNBROKEN}.pdf", "nota.xml", "")):
        Document.objects.create(
            connection=shop, source=shop.name, sha256=f"{number:064x}", name=name, size=5, stored_size=5,
            content_type="application/pdf", body=b"%PDF-", is_compressed=False,
        )  # fmt: skip
    odoo = Connection.objects.create(
        name="Odoo", slug="odoo", kind="odoo", tags=["Financeiro"],
        config={
            "url": "https://odoo.example.com", "database": "prod", "user": "ana@example.com", "auth": "api_key",
            "api_key_ends": (now + timedelta(days=9)).date().isoformat(),
        }, secrets_set_at={"api_key": now.isoformat()},
    )  # fmt: skip
    streams = ("parceiros", "produtos", "carteira", LONG[:60])
    for number, (stream, state) in enumerate(zip(streams, Backfill.State.values, strict=True)):
        begin = now - timedelta(days=300 + number)
        Backfill.objects.create(
            connection=odoo, stream=stream, begin=begin, end=now, state=state,
            reached=now if state == "done" else begin + timedelta(days=90), read=12_480, inserted=12_400, updated=1,
            windows_done=3, spent=timedelta(hours=1), error_code="timeout" if state == "failed" else "",
        )  # fmt: skip
    # A few that run show what it looks like; each asks for itself every three seconds.
    running = SyncRun.objects.filter(state="running", connection__slug__startswith="filial").order_by("queued_at")
    running.filter(pk__in=list(running.values_list("pk", flat=True)[3:])).update(state="succeeded", finished_at=now)


def _system(ana: Any) -> None:
    """People, programs, messages."""
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.utils import timezone

    from connections.models import Connection, UserPreference
    from connections.people.accounts import welcome_path
    from syncruns.models import ApiToken, Delivery, Webhook, WebhookDelivery

    now, shop = timezone.now(), Connection.objects.get(slug="loja-virtual")
    for number in range(60):
        role = ("viewer", "operator", "administrator")[number % 3]
        user = User.objects.create(
            username=f"{UNBROKEN}{number}",
            first_name=LONG[:90],
            email=f"{UNBROKEN}@example.com",
            is_active=number % 7 > 0,
        )
        user.groups.add(Group.objects.get(name=role))
        UserPreference.objects.create(user=user)
    user.is_active = True
    user.set_unusable_password()
    user.save()
    (settings.DATA_DIR / INVITED).write_text(welcome_path(user))
    for name, fields in {
        "Painel": {}, LONG: {"expires_at": now + timedelta(days=2)}, UNBROKEN: {"revoked_at": now},
        "Antigo": {"expires_at": now - timedelta(days=2), "last_used_at": now - timedelta(days=3)},
    }.items():  # fmt: skip
        ApiToken.objects.create(name=name, digest=uuid.uuid4().hex, beginning="sincro_ab12", created_by=ana, **fields)
    webhook = Webhook.objects.create(name=LONG, url=f"https://{UNBROKEN}.example.com/{UNBROKEN}")
    webhook.new_secret(now)
    webhook.save()
    for state in WebhookDelivery.State.values:
        WebhookDelivery.objects.create(
            webhook=webhook, event=WebhookDelivery.Event.values[0], connection=shop, state=state, attempts=3,
            status=500, body='{"event":"' + UNBROKEN * 3 + '"}', error_code="server_error" if state != "sent" else "",
        )  # fmt: skip
    told = product(Delivery.Kind.values, Delivery.State.values)
    for one, (kind, state) in zip(Connection.objects.order_by("pk"), told, strict=False):
        Delivery.objects.create(
            user=ana, connection=one, kind=kind, code="credentials_refused", state=state, attempts=2, since=now,
            error_code="login_refused" if state == "failed" else "",
        )  # fmt: skip


def _colleagues(password: str) -> None:
    """People who sign in besides Ana, named after what they may do."""
    from django.contrib.auth.models import Group, User

    from connections.models import UserPreference

    for name in ("viewer", "operator", "newcomer"):
        user = User.objects.create_user(name, password=password, first_name=name.title())
        user.groups.add(Group.objects.get(name="viewer" if name == "newcomer" else name))
        UserPreference.objects.create(user=user, must_change_password=name == "newcomer")


def what_there_is(console: Console) -> dict[str, str]:
    """Return what the words in paths (tests/browser/places.py) stand for, asked of the full database."""

    def one(sql: str) -> str:
        return str(console.query(f"{sql} LIMIT 1")[0][0])

    slugs = {
        "usual": "loja-virtual", "failing": "erp-filial-sul", "running": "erp-matriz", "long": "filial-41",
        "new": "estacao-da-loja", "quota": "marketplace", "off": "filial-norte", "held": "filial-22", "filled": "odoo",
        "paused": "filial-24", "turned": "filial-26", "strange": "filial-28",
    }  # fmt: skip
    runs = dict(console.query("SELECT state, min(id) FROM syncruns_syncrun GROUP BY state"))
    runs["failed"] = one("SELECT id FROM syncruns_syncrun WHERE error_params LIKE '%401%'")
    runs["running"] = one("SELECT run_id FROM syncruns_streamrun WHERE expected IS NOT NULL")
    runs["dry"] = one("SELECT id FROM syncruns_syncrun WHERE trigger = 'dry_run'")
    runs["changed"] = one("SELECT run_id FROM syncruns_change WHERE length(columns) > 2000")
    records = "SELECT id FROM syncruns_quarantinedrecord WHERE"
    return {
        **slugs,
        "usual_id": one("SELECT id FROM connections_connection WHERE slug = 'loja-virtual'"),
        **{f"run_{name}": str(uuid.UUID(key)) for name, key in runs.items()},
        "record": one(f"{records} state = 'open' AND record_key = '48217'"),
        "record_long": one(f"{records} length(record_key) > 100"),
        "record_closed": one(f"{records} state = 'discarded'"),
        "document": one("SELECT id FROM syncruns_document WHERE length(name) > 100"),
        "sha256": f"{1:064x}",
        "user": one("SELECT id FROM auth_user WHERE username LIKE 'xxx%'"),
        "active_user": one("SELECT id FROM auth_user WHERE username LIKE 'xxx%' AND is_active"),
        "role": one("SELECT id FROM auth_group"),
        "long_id": one("SELECT id FROM connections_connection WHERE slug = 'filial-41'"),
        "entry": one("SELECT id FROM syncruns_synclog"),
        "event": one("SELECT id FROM connections_auditevent WHERE length(target_name) > 90"),
        "checkpoint": one("SELECT id FROM syncruns_checkpoint"),
        "invited": (console.data_dir / INVITED).read_text(),
        "webhook": one("SELECT id FROM syncruns_webhook"),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
