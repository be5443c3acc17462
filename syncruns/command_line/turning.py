"""What `connections set` and `connections import` say when settings name another source than that of stored rows."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connections.command_line.base import Refused
from connections.mixing import OTHER_SOURCE
from connections.models import Connection
from connections.sdk.settings import SettingsInvalid
from syncruns.stored import Stored


def refused(connection: Connection, other: SettingsInvalid) -> Refused:
    """Return the refusal of one change: what is stored, and the two ways to go on."""
    names = [str(problem.path[-1]) for problem in other.problems]
    return refusal({connection: names})


def refusal(turned: dict[Connection, list[str]]) -> Refused:
    """Return the refusal of changes of several connections. turned: the settings that name another source."""
    lines, told = [], {}
    for connection, names in turned.items():
        found = Stored.of(connection)
        words = {
            "connection": connection.slug, "settings": ", ".join(names), "rows": found.words,
            "in_tables": ngettext("in %(tables)s table", "in %(tables)s tables", found.tables)
            % {"tables": found.tables},
        }  # fmt: skip
        lines.append(
            ngettext(
                "%(connection)s: %(settings)s names another source; %(rows)s row of the earlier one is stored "
                "%(in_tables)s.",
                "%(connection)s: %(settings)s names another source; %(rows)s rows of the earlier one are stored "
                "%(in_tables)s.",
                found.rows,
            )
            % words
        )
        told[connection.slug] = {"settings": names, "rows": found.rows, "tables": found.tables}
    lines.append(_("Add another connection for the new source (connections add), and this one stays as it is."))
    lines.append(_("Or give --start-over: the next sync removes the stored rows, then reads the new source."))
    return Refused("\n".join(lines), code="other_source", connections=told)


def turned_in(problems: SettingsInvalid, connections: dict[str, Connection]) -> dict[Connection, list[str]]:
    """Return the connections of a file whose only problem is that they are turned to another source; else nothing."""
    if any(problem.text != OTHER_SOURCE for problem in problems.problems):
        return {}
    found: dict[Connection, list[str]] = {}
    for problem in problems.problems:
        found.setdefault(connections[str(problem.path[0])], []).append(str(problem.path[-1]))
    return found
