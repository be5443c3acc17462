"""What is done to several connections at once: sync, switch, tag. Each is audited by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from connections import tags
from connections.catalogue import explain
from connections.models import Connection
from connections.sdk.errors import SyncError
from connections.sdk.settings import Rejected
from connections.services import set_auto_sync, update_connection
from syncruns.health import label_of
from syncruns.listing import load_rows
from syncruns.services import request_sync
from syncruns.views.connections import Filters

CHANGE = "connections.change_connection"
NAMED = 3  # connections named in a message; the others are counted


@require_POST
@permission_required("connections.operate_connection", raise_exception=True)
def connections_bulk(request: HttpRequest) -> HttpResponse:
    """Do to the chosen connections, or to all that the filters find, what the pressed button says."""
    filters = Filters.of(request.POST)
    back = redirect(reverse("connections") + (f"?{filters.query}" if filters.is_set else ""))
    act = {"sync": _sync, "on": _on, "off": _off, "tag": _tag, "untag": _untag}.get(request.POST.get("act", ""))
    chosen = _chosen(request, filters)
    if act is None:
        messages.info(request, _("Press the button that says what to do."))
    elif not chosen:
        messages.error(request, _("Choose the connections first."))
    else:
        act(request, chosen)
    return back


def _chosen(request: HttpRequest, filters: Filters) -> list[Connection]:
    live = Connection.objects.filter(deletion="")
    if request.POST.get("all") == "1":
        return [row.connection for row in load_rows(live, timezone.now()) if filters.admits(row)]
    return list(live.filter(slug__in=request.POST.getlist("pick")))


def _sync(request: HttpRequest, chosen: Sequence[Connection]) -> None:
    running: list[Connection] = []

    def begin(connection: Connection) -> bool:
        _run, created = request_sync(connection, user=request.user)
        if not created:
            running.append(connection)
        return created

    begun = _each(request, chosen, begin)
    if begun:
        text = ngettext("%(count)s connection is syncing.", "%(count)s connections are syncing.", begun)
        messages.success(request, text % {"count": begun})
    if running:
        text = ngettext("%(names)s was already syncing.", "%(names)s were already syncing.", len(running))
        messages.info(request, text % {"names": _named(running)})


def _on(request: HttpRequest, chosen: Sequence[Connection]) -> None:
    done = _each(request, chosen, lambda one: set_auto_sync(one, True, user=request.user).auto_sync)
    if done:
        text = ngettext("%(count)s connection is switched on.", "%(count)s connections are switched on.", done)
        messages.success(request, text % {"count": done})


def _off(request: HttpRequest, chosen: Sequence[Connection]) -> None:
    done = _each(request, chosen, lambda one: not set_auto_sync(one, False, user=request.user).auto_sync)
    if done:
        text = ngettext("%(count)s connection is switched off.", "%(count)s connections are switched off.", done)
        messages.success(request, text % {"count": done})


def _tag(request: HttpRequest, chosen: Sequence[Connection]) -> None:
    _retag(request, chosen, tags.merged)


def _untag(request: HttpRequest, chosen: Sequence[Connection]) -> None:
    _retag(request, chosen, tags.without)


def _retag(request: HttpRequest, chosen: Sequence[Connection], change: Callable[[Any, Any], list[str]]) -> None:
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    typed = tags.split(request.POST.get("tags", ""))
    if not typed:
        messages.error(request, _("Type the tag first."))
        return
    after = {one.pk: change(one.tags, typed) for one in chosen}
    try:
        for found in after.values():
            tags.check(tags.written(found))
    except Rejected as rejected:
        messages.error(request, _(rejected.text) % rejected.params)
        return
    for one in chosen:
        update_connection(one, tags=after[one.pk], user=request.user)
    text = ngettext(
        "The tags of %(count)s connection are saved.", "The tags of %(count)s connections are saved.", len(chosen)
    )
    messages.success(request, text % {"count": len(chosen)})


def _each(request: HttpRequest, chosen: Sequence[Connection], act: Callable[[Connection], bool]) -> int:
    """Return for how many it was done; say of the others why not, once a reason."""
    done = 0
    refused: dict[str, list[Connection]] = {}
    for one in chosen:
        try:
            done += act(one)
        except SyncError as error:
            explanation = explain(error.code, error.params, label_of(one.kind))
            refused.setdefault(f"{explanation.title}. {explanation.sentence}", []).append(one)
    for why, names in refused.items():
        messages.error(request, f"{_named(names)}: {why}")
    return done


def _named(connections: Sequence[Connection]) -> str:
    names = ", ".join(one.name for one in connections[:NAMED])
    more = len(connections) - NAMED
    if more <= 0:
        return names
    return ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more) % {
        "names": names,
        "count": more,
    }
