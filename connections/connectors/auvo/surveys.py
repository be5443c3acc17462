"""What customers answered after visits: Auvo tells it only for tasks that are named, so it is asked for loaded ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connections.connectors.auvo.declare import integer, moment, number, person, shape, text
from connections.connectors.auvo.listing import PAGE_SIZE, batches
from connections.connectors.auvo.session import Session
from connections.sdk.context import StepContext
from connections.sdk.declare import Page, Step, Within
from connections.sdk.text import gettext_noop as _

PATH = "satisfactionSurveys/"
TASKS_AT_ONCE = 50
ANSWERED_WITHIN = timedelta(days=30)  # of the visit: so long a task is asked for again
SHAPE = shape(
    "satisfaction_survey", ("task_id", "survey_id", "item_id"),
    integer("task_id", "taskID"), integer("survey_id", "id"), replace(integer("item_id"), fallback=0),
    text("question", "questionDescription"), person("answer", "answerDescription"), moment("answered_at", "answerDate"),
    person("email"), integer("answers", "answersItemQuantity"), number("score_sum"),
    integer("responses", "totalResponse"), integer("submitted", "totalSubmitted"),
)  # fmt: skip
TABLE = replace(SHAPE.table, set_key=("task_id",))
STEP = Step("satisfaction_surveys", _("Satisfaction surveys"), (TABLE,), needs=("tasks",))


def pages(session: Session, checkpoint: Mapping[str, Any] | None, context: StepContext) -> Iterator[Page]:
    """Yield the surveys of finished tasks: at first of all, then of those that changed, and of the last month's."""
    zone, now = ZoneInfo(session.config["time_zone"]), context.now()
    wanted = sorted(_tasks(context, checkpoint))
    for start in range(0, len(wanted), TASKS_AT_ONCE):
        asked = wanted[start : start + TASKS_AT_ONCE]
        found = list(batches(session, PATH, {"taskID": asked}, lambda record: SHAPE.key(record, zone), PAGE_SIZE))
        records = [record for batch in found for record in batch.records]
        # "Not found" may mean anything, so then no task is said to have lost its answers.
        sets = {TABLE.name: [(task,) for task in asked]} if found[-1].is_whole else {}
        yield Page(rows=SHAPE.rows(records, zone), sets=sets)
    yield Page(checkpoint={"to": now.isoformat()})


def _tasks(context: StepContext, checkpoint: Mapping[str, Any] | None) -> set[int]:
    """Return the ids of the tasks to ask for."""
    sent = (Within("finished", (True,)), Within("send_satisfaction_survey", (True,)))
    if checkpoint is None:
        return _ids(context, sent, None)
    recent = Within("task_date", at_least=context.now() - ANSWERED_WITHIN)
    return _ids(context, sent, datetime.fromisoformat(checkpoint["to"])) | _ids(context, (*sent, recent), None)


def _ids(context: StepContext, within: tuple[Within, ...], changed_since: datetime | None) -> set[int]:
    found = context.rows("task", ("task_id",), within=within, changed_since=changed_since)
    return {row["task_id"] for batch in found for row in batch}
