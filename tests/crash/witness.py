"""Triggers that write down what must never happen, at the moment it happens."""

from __future__ import annotations

from django.db import connection

ENDED = "(SELECT state FROM syncruns_syncrun WHERE id = {row}.run_id) NOT IN ('queued', 'running')"
COUNTS = ("pages", "read", "inserted", "updated", "unchanged", "deleted", "quarantined")
SEQ = {"sqlite": "json_extract({row}.state, '$.seq')", "postgresql": "({row}.state->>'seq')::bigint"}


def install() -> None:
    """Watch the console's and the ledger's tables; they must exist."""
    seq = SEQ[connection.vendor]
    ledger = "ledger." if connection.vendor == "postgresql" else "ledger_"
    changed = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in COUNTS)
    watches = [
        ("checkpoint went back", "syncruns_checkpoint", "UPDATE", f"{seq.format(row='NEW')} < {seq.format(row='OLD')}"),
        ("checkpoint was emptied", "syncruns_checkpoint", "UPDATE", "NEW.state IS NULL AND OLD.state IS NOT NULL"),
        ("older item over newer", f"{ledger}items", "UPDATE", "NEW.seq < OLD.seq"),
        ("older note over newer", f"{ledger}notes", "UPDATE", "NEW.seq < OLD.seq"),
        ("ended run moved", "syncruns_syncrun", "UPDATE",
         "OLD.state NOT IN ('queued', 'running') AND NEW.state <> OLD.state"),
        ("stream of an ended run moved", "syncruns_streamrun", "UPDATE",
         f"NEW.state <> OLD.state AND OLD.state NOT IN ('waiting', 'running') AND {ENDED.format(row='NEW')}"),
        ("stream of an ended run set going", "syncruns_streamrun", "UPDATE",
         f"NEW.state IN ('waiting', 'running') AND NEW.state <> OLD.state AND {ENDED.format(row='NEW')}"),
        ("stream of an ended run counted", "syncruns_streamrun", "UPDATE",
         f"({changed}) AND {ENDED.format(row='NEW')}"),
        ("stream added to an ended run", "syncruns_streamrun", "INSERT", ENDED.format(row="NEW")),
        ("log line after the end", "syncruns_synclog", "INSERT",
         f"NEW.event <> 'failed.worker_lost' AND {ENDED.format(row='NEW')}"),  # the reaper's
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE crash_witness (what text, at timestamp DEFAULT CURRENT_TIMESTAMP)")
        for number, (what, table, event, condition) in enumerate(watches):
            note = f"INSERT INTO crash_witness (what) VALUES ('{what}');"
            if connection.vendor == "sqlite":
                cursor.execute(
                    f"CREATE TRIGGER crash_{number} AFTER {event} ON {table} WHEN {condition} BEGIN {note} END"
                )
            else:
                cursor.execute(
                    f"CREATE FUNCTION crash_{number}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    f" IF {condition} THEN {note} END IF; RETURN NULL; END $$"
                )
                cursor.execute(
                    f"CREATE TRIGGER crash_{number} AFTER {event} ON {table}"
                    f" FOR EACH ROW EXECUTE FUNCTION crash_{number}()"
                )


def seen() -> dict[str, int]:
    """Return how often each thing was seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, count(*) FROM crash_witness GROUP BY what")
        return dict(cursor.fetchall())
