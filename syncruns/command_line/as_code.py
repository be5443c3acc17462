"""`connections export` and `connections import`: connections as a file, and what bringing one in changes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from connections.as_code import applying
from connections.as_code.applying import Applied
from connections.as_code.document import document_of
from connections.as_code.reading import Wanted, wanted_of
from connections.as_code.text import NotYaml, read, write
from connections.audit import COMMAND_LINE
from connections.command_line.base import Refused, named_connection
from connections.command_line.flags import text_of
from connections.models import Connection
from connections.sdk.settings import SettingsInvalid
from syncruns.command_line import turning
from syncruns.deletion import delete_connection

STDIN = "-"
MARKS = {applying.CREATED: "+", applying.CHANGED: "~", applying.UNCHANGED: "="}
LONGEST = 100  # characters of a value on a line


def exported(slugs: Sequence[str]) -> str:
    """Return the file that describes these connections, or all. Raises Refused for a name that nothing has."""
    if slugs:
        chosen = [named_connection(slug) for slug in dict.fromkeys(slugs)]
        samples = [one.slug for one in chosen if one.is_sample]
        if samples:
            text = _("%(name)s is the sample connection; its source runs only inside this Sincro.")
            raise Refused(text % {"name": samples[0]}, code="is_sample", name=samples[0])
    else:
        chosen = list(Connection.objects.filter(deletion="", is_sample=False))
    return write(document_of(chosen))


def imported(
    path: str, *, dry_run: bool, prune: bool, start_over: Sequence[str] = ()
) -> tuple[list[Applied], list[Connection]]:
    """Bring the file's connections in; return what that changed, and the connections pruned.

    prune: delete those that the file does not name; their rows stay. dry_run: undo everything. start_over: short
    names of those that may be turned to another source. Raises Refused, SettingsInvalid; then nothing has changed.
    """
    wanted = wanted_of(_document(path))
    with transaction.atomic():
        applied = _applied(wanted, start_over)
        pruned: list[Connection] = []
        if prune:
            others = Connection.objects.filter(deletion="", is_sample=False)
            pruned = list(others.exclude(slug__in=[one.slug for one in wanted]))
            for connection in pruned:
                delete_connection(connection, keep_data=True, actor=COMMAND_LINE)
        transaction.set_rollback(dry_run)
    return applied, pruned


def _applied(wanted: Sequence[Wanted], start_over: Sequence[str]) -> list[Applied]:
    try:
        return applying.apply(wanted, start_over=start_over, actor=COMMAND_LINE)
    except SettingsInvalid as invalid:
        known = {one.slug: one for one in Connection.objects.filter(slug__in=[one.slug for one in wanted])}
        if turned := turning.turned_in(invalid, known):
            raise turning.refusal(turned) from None
        raise


def answer(applied: Sequence[Applied], pruned: Sequence[Connection], *, dry_run: bool) -> dict[str, Any]:
    """Return the JSON answer of an import."""
    done = [
        {
            "slug": one.connection.slug,
            "action": one.action,
            "changes": [{"path": each.path, "before": each.before, "after": each.after} for each in one.changes],
            "secrets_set": one.secrets,
            "secrets_kept": sorted(one.kept),
        }
        for one in applied
    ]
    done += [{"slug": one.slug, "action": "deleted"} for one in pruned]
    return {"dry_run": dry_run, "connections": done}


def lines(applied: Sequence[Applied], pruned: Sequence[Connection], *, dry_run: bool) -> Iterator[str]:
    """Yield what an import changes, or changed, for people."""
    words = {
        applying.CREATED: pgettext("connection", "created"),
        applying.CHANGED: pgettext("connection", "changed"),
        applying.UNCHANGED: pgettext("connection", "unchanged"),
        "deleted": pgettext("connection", "deleted; its rows stay"),
        "set": pgettext("secret", "set"),
    }
    for one in applied:
        yield f"{MARKS[one.action]} {one.connection.slug} ({one.connection.name}): {words[one.action]}"
        for change in one.changes:
            yield f"    {change.path}: {_shown(change.before)} -> {_shown(change.after)}"
        for name in one.secrets:
            yield f"    secrets.{name}: {words['set']}"
        for name, variable in sorted(one.kept.items()):
            kept = _("stays as it is stored (%(variable)s is not set)") % {"variable": variable}
            yield f"    secrets.{name}: {kept}"
    for connection in pruned:
        yield f"- {connection.slug} ({connection.name}): {words['deleted']}"
    changed = sum(one.action != applying.UNCHANGED for one in applied) + len(pruned)
    if dry_run:
        yield ngettext(
            "%(count)s connection would change; nothing was changed.",
            "%(count)s connections would change; nothing was changed.",
            changed,
        ) % {"count": changed}
    else:
        yield ngettext("%(count)s connection changed.", "%(count)s connections changed.", changed) % {"count": changed}


def _document(path: str) -> Any:
    try:
        text = sys.stdin.read() if path == STDIN else text_of(path)
    except UnicodeDecodeError:
        raise Refused(_("The file %(path)s cannot be read as text.") % {"path": path}, path=path) from None
    try:
        return read(text)
    except NotYaml as problem:
        line = problem.line or "?"
        said = _("%(path)s is not a YAML file that can be read; line %(line)s: %(problem)s")
        text = said % {"path": path, "line": line, "problem": problem.reason}
        raise Refused(text, code="not_yaml", path=path, line=line) from None


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
