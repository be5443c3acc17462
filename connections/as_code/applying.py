"""Brings connections into the state a file asks for, and tells what that changed. All of it, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from connections import audit
from connections.as_code.document import Change, changes, description
from connections.as_code.reading import Wanted
from connections.connectors import connector_class
from connections.forms import timing
from connections.models import Connection, StreamSetting
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, SettingsInvalid
from connections.sdk.text import gettext_noop as _
from connections.services import (
    User,
    create_connection,
    default_schedule,
    set_auto_sync,
    set_stream,
    streams_of,
    update_connection,
)

CREATED, CHANGED, UNCHANGED = "created", "changed", "unchanged"


@dataclass(frozen=True)
class Applied:
    """What a file did to one connection. secrets: those set; kept: secret -> variable that was not set."""

    connection: Connection
    action: str
    changes: list[Change] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


def apply(
    wanted: Sequence[Wanted], *, start_over: Sequence[str] = (), user: User = None, actor: str = ""
) -> list[Applied]:
    """Create and change connections as wanted, inside the caller's transaction.

    start_over: short names of those that may be turned to another source, for which their stored rows go.
    Raises SettingsInvalid with every problem of every connection, each path beginning with the short name; the caller's
    transaction must then be undone.
    """
    applied: list[Applied] = []
    problems: list[Invalid] = []
    known = {one.slug: one for one in Connection.objects.filter(slug__in=[one.slug for one in wanted])}
    for one in wanted:
        try:
            with transaction.atomic():
                applied.append(_Application(one, known.get(one.slug), one.slug in start_over, user, actor).run())
        except SettingsInvalid as invalid:
            problems += [
                Invalid((one.slug, *problem.path), problem.text, problem.params) for problem in invalid.problems
            ]
        except _Unchanged as unchanged:
            applied.append(unchanged.applied)
    if problems:
        raise SettingsInvalid(problems)
    return applied


class _Unchanged(Exception):
    """Nothing differs: what was tried is undone, so that it leaves no trace."""

    def __init__(self, applied: Applied) -> None:
        self.applied = applied
        super().__init__()


class _Application:
    """One connection of a file."""

    def __init__(
        self, wanted: Wanted, connection: Connection | None, may_start_over: bool, user: User, actor: str
    ) -> None:
        self._wanted = wanted
        self._may_start_over = may_start_over
        self._connection = connection
        self._who: dict[str, Any] = {"user": user, "actor": actor}

    def run(self) -> Applied:
        if self._connection is None:
            return self._create()
        if self._connection.deletion:
            raise SettingsInvalid([Invalid((), _("This connection is being deleted; try again when it is gone."))])
        if self._connection.kind != self._wanted.kind:
            text = _("The kind of a connection cannot change; give the new one another short name.")
            raise SettingsInvalid([Invalid(("kind",), text)])
        return self._change(self._connection)

    def _create(self) -> Applied:
        wanted = self._wanted
        schedule = {**default_schedule(wanted.kind), **(wanted.schedule or {})}
        self._require(wanted.absent, stored=())
        connection = self._guarded(
            lambda: create_connection(
                kind=wanted.kind,
                name=wanted.name or wanted.slug,
                description=wanted.description or "",
                slug=wanted.slug,
                values={**(wanted.settings or {}), **wanted.secrets},
                schedule=schedule,
                auto_sync=bool(wanted.auto_sync),
                tags=wanted.tags or [],
                **self._who,
            )
        )
        self._choose_streams(connection)
        return Applied(connection, CREATED, secrets=sorted(wanted.secrets))

    def _change(self, connection: Connection) -> Applied:
        wanted, before = self._wanted, description(connection)
        set_at = dict(connection.secrets_set_at)
        self._require(wanted.absent, stored=set_at)
        connection = self._guarded(
            lambda: update_connection(
                connection,
                name=wanted.name,
                description=wanted.description,
                values=self._values(),
                schedule=wanted.schedule,
                tags=wanted.tags,
                start_over=self._may_start_over,
                **self._who,
            )
        )
        self._choose_streams(connection)
        if wanted.auto_sync is not None:
            connection = set_auto_sync(connection, wanted.auto_sync, **self._who)
        found = list(changes(before, description(connection)))
        secrets = sorted(name for name, at in connection.secrets_set_at.items() if set_at.get(name) != at)
        kept = {name: variable for name, variable in wanted.absent.items() if name in connection.secrets_set_at}
        if found or secrets:
            found = [change for change in found if not change.path.startswith("secrets.")]
            return Applied(connection, CHANGED, found, secrets, kept)
        raise _Unchanged(Applied(connection, UNCHANGED, kept=kept))

    def _values(self) -> dict[str, Any] | None:
        """Return every setting, since one that the file leaves out has its default; None: the file says nothing."""
        wanted = self._wanted
        if wanted.settings is None:
            return wanted.secrets or None
        declared = {one.name: None for one in connector_class(wanted.kind).settings if not one.is_secret}
        return {**declared, **wanted.settings, **wanted.secrets}

    def _require(self, absent: dict[str, str], stored: Any) -> None:
        """Raise SettingsInvalid for secrets that neither the environment nor the connection has."""
        declared = {one.name for one in connector_class(self._wanted.kind).settings if one.is_secret}
        text = _("Set the environment variable %(variable)s; it holds this secret.")
        problems = [
            Invalid(("secrets", name), text, {"variable": variable})
            for name, variable in absent.items()
            if name in declared and name not in stored
        ]
        if problems:
            raise SettingsInvalid(problems)

    def _guarded(self, work: Any) -> Connection:
        """Do work; say where in the file its problems are."""
        secrets = {one.name for one in connector_class(self._wanted.kind).settings if one.is_secret}
        try:
            connection: Connection = work()
        except SettingsInvalid as invalid:
            raise SettingsInvalid([_placed(problem, secrets) for problem in invalid.problems]) from None
        except SyncError as error:
            problem = timing.problem(error)
            raise SettingsInvalid([Invalid(("schedule", *problem.path), problem.text, problem.params)]) from None
        return connection

    def _choose_streams(self, connection: Connection) -> None:
        """Store what the file chooses for streams; one that it leaves out goes back to what is declared."""
        wanted = self._wanted.streams
        if wanted is None:
            return
        declared = {selected.stream.key for selected in streams_of(connection)}
        problems = [
            Invalid(("streams", name), _("There is no setting called %(name)s."), {"name": name})
            for name in wanted
            if name not in declared
        ]
        if problems:
            raise SettingsInvalid(problems)
        for name, chosen in wanted.items():
            values = {field: value for field, value in chosen.items() if field != "enabled" or value is not None}
            try:
                set_stream(connection, name, **self._who, **values)
            except ValidationError as invalid:
                raise SettingsInvalid(
                    [Invalid(("streams", name, field), str(texts[0])) for field, texts in invalid.message_dict.items()]
                ) from None
        for setting in StreamSetting.objects.filter(connection=connection).exclude(stream__in=wanted):
            setting.delete()
            audit.record("stream.changed", target=connection, stream=setting.stream, **self._who)


def _placed(problem: Invalid, secrets: set[str]) -> Invalid:
    head = problem.path[0] if problem.path else ""
    if head in ("name", "description", "slug"):
        return problem
    return Invalid(("secrets" if head in secrets else "settings", *problem.path), problem.text, problem.params)
