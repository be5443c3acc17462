"""The kinds of things that wait for a person's decision: each has a page of its own below /review/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from syncruns.models import Correction, DeleteBrake, QuarantinedRecord

MOST = 999  # counted up to here: beyond it the number says nothing more


@dataclass(frozen=True)
class Kind:
    """rows(): everything of this kind that waits. page: the name of its address; permission: what opens it."""

    label: str | Promise
    icon: str
    page: str
    permission: str
    rows: Callable[[], QuerySet[Any]]


@dataclass(frozen=True)
class Waiting:
    """How many of a kind wait; more than MOST is MOST + 1."""

    kind: Kind
    count: int

    @property
    def url(self) -> str:
        return reverse(self.kind.page)

    @property
    def is_many(self) -> bool:
        return self.count > MOST


def open_records() -> QuerySet[QuarantinedRecord]:
    return QuarantinedRecord.objects.filter(state=QuarantinedRecord.State.OPEN, connection__deletion="")


def held_deletions() -> QuerySet[DeleteBrake]:
    """Return what waits of connections that are active: one for each table."""
    return DeleteBrake.objects.filter(connection__deletion="").exclude(connection__status=Connection.Status.INACTIVE)


def superseded_corrections() -> QuerySet[Correction]:
    """Return corrections that the source has overtaken, until a person says which value counts."""
    return Correction.objects.filter(state=Correction.State.SUPERSEDED, connection__deletion="")


# In the order of the page's tabs.
KINDS: tuple[Kind, ...] = (
    Kind(_("Records not loaded"), "clipboard-check", "review", "syncruns.view_quarantinedrecord", open_records),
    Kind(_("Deletions"), "trash", "review_deletions", "connections.view_connection", held_deletions),
    Kind(_("Corrections"), "pencil", "review_corrections", "syncruns.view_correction", superseded_corrections),
)


def waiting_for(user: User | AnonymousUser) -> list[Waiting]:
    """Return each kind that the user may see with how many wait; one query a kind."""
    return [
        Waiting(kind, kind.rows().order_by()[: MOST + 1].count()) for kind in KINDS if user.has_perm(kind.permission)
    ]
