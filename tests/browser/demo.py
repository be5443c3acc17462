"""Fills an empty database with a company's connections in every state, for pictures of the pages."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.text import slugify

from connections.connectors import connector_class
from connections.models import AuditEvent, Connection, UserPreference
from connections.sdk.declare import Page
from syncruns.engine.transform import to_rows
from syncruns.engine.warehouse import warehouse
from syncruns.models import Change, Checkpoint, QuarantinedRecord, StreamRun, SyncLog, SyncRun, SystemJob

STREAMS = {"orders": "Pedidos", "invoices": "Notas fiscais", "customers": "Clientes", "products": "Produtos"}
ABOUT_THE_SHOP = "Pedidos e notas da loja, de onde saem os painéis de vendas.\nDúvidas sobre a API: Bruno, da agência."
RANDOM = random.Random(7)


def person(password: str) -> User:
    """Create Ana, an administrator, and a scheduler that lives."""
    ana = User.objects.create_superuser(
        "ana", email="ana@example.com", password=password, first_name="Ana", last_name="Moura"
    )
    UserPreference.objects.create(user=ana)
    alive()
    return ana


def alive() -> None:
    """Let the scheduler have given a sign of life just now."""
    last_at = timezone.now() + timedelta(seconds=8)
    SystemJob.objects.update_or_create(name=SystemJob.DISPATCH, defaults={"last_at": last_at})


def fill(ana: User) -> None:
    """Create nine connections of Ana's, and their runs."""
    now = timezone.now()
    shop = _connection("Loja virtual", ["Vendas"], now, ana, description=ABOUT_THE_SHOP)
    _history(shop, now, 40)
    stopped = _connection("ERP Filial Sul", ["Financeiro"], now, ana, status="error", next_sync_at=None)
    stopped.status_code, stopped.status_params = "credentials_refused", {"status": 401}
    stopped.status_since = now - timedelta(minutes=21)
    stopped.save()
    _history(stopped, now - timedelta(minutes=25), 20)
    _refused(stopped, now - timedelta(minutes=21))
    fleet = _connection("Rastreamento da frota", ["Operação"], now, ana)
    _history(fleet, now, 60)
    _run(fleet, now - timedelta(hours=26), "timed_out", 3600, error_code="timed_out", read=88_210, inserted=88_210)
    quota = now + timedelta(hours=3)
    waiting = _connection("Marketplace", ["Vendas"], now, ana, blocked_until=quota, next_sync_at=quota)
    _history(waiting, now, 30, states=("succeeded",) * 7 + ("partial",))
    payable = _connection("Contas a pagar", ["Financeiro"], now, ana)
    _history(payable, now - timedelta(minutes=6), 24)
    _unfinished(payable, now - timedelta(minutes=6))
    running = _connection("ERP Matriz", ["Financeiro"], now, ana)
    _history(running, now - timedelta(minutes=5), 60)
    _running(running, now - timedelta(seconds=38))
    retrying = _connection("Ordens de serviço", ["Serviços"], now, ana)
    _history(retrying, now, 30)
    unanswered = _run(retrying, now - timedelta(minutes=4), "failed", 48, error_code="timeout")
    _streams(unanswered, ("failed",) * 4)
    _connection("Estação da loja", ["Loja"], now, ana, next_sync_at=now + timedelta(minutes=34))
    _read(shop, now)
    _skipped(shop, now)
    off = _connection("Filial Norte", ["Vendas"], now, ana, auto_sync=False, next_sync_at=None)
    _history(off, now - timedelta(days=2), 12)
    for one in (fleet, waiting, payable, retrying, off, stopped, running):
        _has_read(one)
    _records(shop, now)
    _trail(ana, shop, stopped, waiting, now)


def _connection(name: str, tags: list[str], now: datetime, ana: User, **fields: Any) -> Connection:
    columns = [
        {"path": "id", "name": "id", "type": "integer", "key": True},
        {"path": "total", "name": "total", "type": "decimal", "precision": 12, "scale": 2},
        {"path": "emissao", "name": "emissao", "type": "date"},
        {"path": "cliente", "name": "cliente", "type": "text"},
    ]
    streams = [{"name": key, "label": label, "path": f"/{key}", "columns": columns} for key, label in STREAMS.items()]
    values: dict[str, Any] = {
        "interval_minutes": 15,
        "auto_sync": True,
        "next_sync_at": now + timedelta(minutes=RANDOM.randint(3, 14)),
        "auto_sync_changed_at": now - timedelta(days=2),
        "auto_sync_changed_by": ana,
        "status_code": "credentials_refused" if fields.get("status") == "error" else "",
    }
    config = {"base_url": "https://api.example.com", "table_prefix": "erp", "auth": "bearer", "streams": streams}
    made = Connection.objects.create(
        name=name, slug=slugify(name), kind="rest", tags=tags, config=config, **values | fields
    )  # fmt: skip
    Connection.objects.filter(pk=made.pk).update(created_at=now - timedelta(days=3))
    made.refresh_from_db()
    return made


def _run(connection: Connection, at: datetime, state: str, seconds: int = 12, **fields: Any) -> SyncRun:
    finished = at + timedelta(seconds=seconds) if state != "running" else None
    return SyncRun.objects.create(
        connection=connection, trigger="schedule", state=state, slot=at, queued_at=at, started_at=at,
        finished_at=finished, worker="app-1:4711", **fields,
    )  # fmt: skip


def _history(connection: Connection, now: datetime, runs: int, states: Sequence[str] = ("succeeded",)) -> None:
    for number in range(runs, 0, -1):
        at = now - timedelta(minutes=15 * number + RANDOM.randint(0, 4))
        changes = RANDOM.random() > 0.3
        inserted, updated, deleted = (RANDOM.randint(0, top) if changes else 0 for top in (40, 99, 2))
        read = inserted + updated + RANDOM.randint(100, 900)
        _run(
            connection, at, RANDOM.choice(states), RANDOM.randint(4, 70), read=read, inserted=inserted,
            updated=updated, deleted=deleted, unchanged=read - inserted - updated,
        )  # fmt: skip


RECORDS: list[tuple[str, dict[str, Any], dict[str, tuple[str, dict[str, Any]]]]] = [
    ("48213", {"total": "R$ 1.846,90", "emissao": "24/11/2026", "cliente": "Padaria Sol Nascente"},
     {"total": ("not_a_number", {})}),
    ("48217", {"total": "12.505", "emissao": "31/11/2026", "cliente": "Mercearia Boa Vista"},
     {"total": ("too_many_decimals", {"scale": 2}), "emissao": ("not_a_date", {})}),
    ("48220", {"total": "", "emissao": "2026-11-24", "cliente": "Oficina Três Irmãos"}, {"total": ("empty", {})}),
    ("#4b1f7d20", {"total": "89.90", "emissao": "2026-11-24", "cliente": "Cliente Exemplo Comércio Ltda."},
     {"id": ("key_missing", {})}),
]  # fmt: skip


def _records(connection: Connection, now: datetime) -> None:
    """Set records aside, one of them decided, in a run some hours ago; what came since was in order."""
    run = connection.runs.order_by("-queued_at")[10:].first()
    assert run is not None
    SyncRun.objects.filter(pk=run.pk).update(state="partial", quarantined=len(RECORDS))
    run.streams.filter(stream="orders").update(state="partial", quarantined=len(RECORDS))
    for number, (key, values, reasons) in enumerate(RECORDS):
        record = values | ({} if key.startswith("#") else {"id": int(key)})
        QuarantinedRecord.objects.create(
            connection=connection, stream="orders", table="erp_orders", record_key=key, record=record, run=run,
            reasons={column: {"code": code, "params": params} for column, (code, params) in reasons.items()},
            reason=next(iter(reasons.values()))[0], last_seen_at=now - timedelta(minutes=9 + number),
            first_seen_at=now - timedelta(hours=3 + number),
        )  # fmt: skip
    QuarantinedRecord.objects.filter(record_key="48220").update(
        state="discarded", decided_by="ana", note="Pedido de teste.", closed_at=now - timedelta(minutes=5)
    )


def _has_read(connection: Connection, rows: int = 60) -> SyncRun:
    """Give the last runs their streams, and the streams their rows and checkpoints. Return the last that succeeded."""
    for run in connection.runs.filter(state__in=("succeeded", "partial"), streams=None)[:14]:
        _streams(run, ("succeeded",) * 3 + ("succeeded" if run.state == "succeeded" else "failed",))
    last = connection.runs.filter(state="succeeded").first()
    assert last is not None
    _load(connection, last, rows)
    for row in last.streams.all():
        Checkpoint.objects.create(
            connection=connection, stream=row.stream, state={}, committed_at=row.finished_at, run=last
        )
    return last


def _read(connection: Connection, now: datetime) -> None:
    """Tell of the last run what it changed and what it wrote into its log."""
    last = connection.runs.filter(state="succeeded").first()
    assert last is not None
    SyncRun.objects.filter(pk=last.pk).update(read=1984, inserted=47, updated=97, deleted=1, unchanged=1840)
    run = _has_read(connection, 431)
    Change.objects.bulk_create(
        Change(
            run=run,
            stream=stream,
            table=f"erp_{stream}",
            kind=kind,
            key=[key],
            name=["cliente", name],
            columns=columns,
            at=now,
        )
        for stream, kind, key, name, columns in CHANGES
    )
    _log(run, "info", "", "run_started", streams=list(STREAMS.values()))
    for one in run.streams.all():
        counts = {name: getattr(one, name) for name in ("read", "inserted", "updated", "deleted")}
        _log(run, "done", one.stream, "stream_finished", **counts)


def _load(connection: Connection, run: SyncRun, size: int) -> None:
    """Put rows into the destination tables, other ones for each connection."""
    newest = 48211 if connection.slug == "loja-virtual" else 40_000 - 300 * connection.pk
    connector = connector_class(connection.kind)
    stamp: dict[str, Any] = {"connection_id": connection.pk, "run_id": str(run.pk), "now": timezone.now()}
    for rows, stream in enumerate(connector.streams(connection.config), start=1):
        warehouse().prepare(connector.schema, stream.tables)
        table = stream.tables[0]
        records = [_record(newest - number) for number in range(rows * size)]
        warehouse().load(
            connector.schema, table, to_rows(Page({table.name: records}), stream).rows[table.name], **stamp
        )


def _record(number: int) -> dict[str, Any]:
    """Return one row: a total, a day of the last weeks, and a customer, who is missing now and then."""
    day = timezone.localdate() - timedelta(days=number % 41)
    customer = CUSTOMERS[number % len(CUSTOMERS)] if number % 17 else None
    record = {
        "id": number,
        "total": f"{number * 7919 % 99991 / 10:.2f}",
        "emissao": day.isoformat(),
        "cliente": customer,
    }
    return record | CHANGED.get(number, {})


CUSTOMERS = (
    "Padaria Sol Nascente", "Mercearia Boa Vista", "Oficina Três Irmãos", "Clínica Vila Verde",
    "Condomínio Parque das Águas Claras, Bloco B", "Escola Caminho Novo", "Farmácia Central",
)  # fmt: skip


def _skipped(connection: Connection, now: datetime) -> None:
    """Slots that did not run, each with its reason."""
    for hours, reason, slots in ((11, "no_worker", 7), (13, "paused", 4), (14, "still_running", 1)):
        at = now - timedelta(hours=hours)
        SyncRun.objects.create(
            connection=connection, trigger="schedule", state="skipped", slot=at, queued_at=at, finished_at=at,
            skip_reason=reason, skipped_slots=slots,
        )  # fmt: skip


CHANGES: list[tuple[str, str, int, str, list[list[str | None]]]] = [
    ("orders", "updated", 48197, "Padaria Sol Nascente", [["total", "1798.90", "1846.90"]]),
    (
        "orders",
        "updated",
        48199,
        "Mercearia Boa Vista",
        [["total", "310.00", "298.40"], ["emissao", "2026-11-23", "2026-11-24"]],
    ),
    ("orders", "deleted", 48102, "Oficina Três Irmãos", [["total", "89.90", None], ["emissao", "2026-11-20", None]]),
    ("invoices", "updated", 9921, "Padaria Sol Nascente", [["emissao", None, "2026-11-24"]]),
    (
        "customers",
        "updated",
        771,
        "Cliente Exemplo Comércio Ltda.",
        [["cliente", "Cliente Exemplo", "Cliente Exemplo Comércio Ltda."]],
    ),
    ("orders", "inserted", 48211, "Farmácia Central", []),
]


# What the changes of orders say stands in their rows.
CHANGED = {
    key: {"cliente": name} | {column: after for column, _before, after in columns if after is not None}
    for stream, kind, key, name, columns in CHANGES
    if stream == "orders" and kind != "deleted"
}


def _trail(ana: User, shop: Connection, stopped: Connection, waiting: Connection, now: datetime) -> None:
    """What people did, and what became of a table."""
    column = {"table": "rest_erp_orders", "column": "comissao", "type": "decimal(12,2)"}
    for hours, connection, action, params in (
        (2, shop, "connection.changed", {"fields": ["schedule"]}),
        (27, stopped, "connection.changed", {"fields": ["token"]}),
        (28, shop, "stream.changed", {"stream": "orders"}),
        (49, shop, "connection.created", {}),
        (50, waiting, "schema.column_added", column),
    ):
        event = AuditEvent.objects.create(
            user=None if "schema" in action else ana, actor="sincro" if "schema" in action else "ana", action=action,
            target_kind="connection", target_id=connection.pk, target_name=connection.name, params=params,
        )  # fmt: skip
        AuditEvent.objects.filter(pk=event.pk).update(at=now - timedelta(hours=hours))


COUNTS = ("read", "inserted", "updated", "deleted")


def _shared(run: SyncRun, parts: int) -> list[dict[str, int]]:
    """Divide what a run counts among its streams: the first of them most, the last whatever is left."""
    left, shares = {name: getattr(run, name) for name in COUNTS}, []
    for number in range(parts, 0, -1):
        share = {name: count if number == 1 else count * 2 // (number + 1) for name, count in left.items()}
        left = {name: count - share[name] for name, count in left.items()}
        shares.append(share)
    return shares


def _streams(
    run: SyncRun, states: Sequence[str], counts: Sequence[tuple[int, ...]] = (), error: str = "timeout"
) -> None:
    """Give a run its streams, one after the other within its time. counts: what those begun counted; else its own."""
    begun = [state for state in states if state not in ("waiting", "not_started")]
    shares = [dict(zip(COUNTS, some, strict=True)) for some in counts] or _shared(run, begun.count("succeeded"))
    span = ((run.finished_at or timezone.now()) - run.queued_at) / len(begun)
    for position, ((key, label), state) in enumerate(zip(STREAMS.items(), states, strict=True)):
        share = shares.pop(0) if state in ("succeeded", "running") else {}
        begins = run.queued_at + span * position
        StreamRun.objects.create(
            run=run, stream=key, label=label, position=position, state=state, attempt=1, **share,
            expected=share["read"] * 3 // 2 if state == "running" else None,
            started_at=begins if state in begun else None,
            finished_at=begins + span if state in ("succeeded", "failed") else None,
            error_code=error if state == "failed" else "",
        )  # fmt: skip


def _unfinished(connection: Connection, at: datetime) -> None:
    """Create a run whose third stream the source did not answer; the others were read."""
    run = _run(connection, at, "partial", 41, error_code="timeout", read=1311, inserted=6, updated=18)
    _streams(run, ("succeeded", "succeeded", "failed", "succeeded"))
    _log(run, "info", "", "run_started", streams=list(STREAMS.values()))
    _log(run, "error", "customers", "failed.timeout", source=connection.name)


def _refused(connection: Connection, at: datetime) -> None:
    run = _run(
        connection, at, "failed", 23, error_code="credentials_refused", error_params={"status": 401},
        error_detail="Access Denied", read=1204, inserted=4, updated=5, deleted=1,
    )  # fmt: skip
    counts = ((928, 3, 5, 1), (276, 1, 0, 0))
    _streams(run, ("succeeded", "succeeded", "failed", "not_started"), counts, "credentials_refused")
    _log(run, "info", "", "run_started", streams=list(STREAMS.values()))
    _log(run, "done", "orders", "stream_finished", read=928, inserted=3, updated=5, deleted=1)
    _log(run, "done", "invoices", "stream_finished", read=276, inserted=1, updated=0, deleted=0)
    _log(run, "error", "customers", "failed.credentials_refused", source=connection.name, status=401)
    _log(run, "warning", "products", "stream_skipped", reason="earlier_failure")


def _running(connection: Connection, at: datetime) -> None:
    run = _run(connection, at, "running", token=uuid.uuid4(), lease_until=at + timedelta(minutes=10))
    _streams(
        run, ("succeeded", "succeeded", "running", "waiting"), ((1204, 12, 30, 1), (62, 0, 0, 0), (468, 11, 23, 0))
    )
    _log(run, "info", "", "run_started", streams=list(STREAMS.values()))
    _log(run, "done", "orders", "stream_finished", read=1204, inserted=12, updated=30, deleted=1)
    _log(run, "done", "invoices", "stream_no_changes", read=62)
    _log(run, "info", "customers", "page_loaded")


def _log(run: SyncRun, level: str, stream: str, event: str, **params: Any) -> None:
    at = run.queued_at + timedelta(seconds=4 * run.logs.count())
    SyncLog.objects.create(run=run, level=level, stream=stream, event=event, params=params, at=at)
