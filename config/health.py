"""Signs of life for load balancers and monitors: open to all, and telling nothing that matters."""

from __future__ import annotations

from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from syncruns.frame import Scheduler


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database answers; status "degraded" when the scheduler gives no sign of life."""
    try:
        scheduler = Scheduler.now()
    except Error:
        return JsonResponse({"status": "down", "database": "down", "last_tick": None}, status=503)
    return JsonResponse(
        {
            "status": "degraded" if scheduler.is_silent else "ok",
            "database": "ok",
            "last_tick": scheduler.last_sign.isoformat(timespec="seconds") if scheduler.last_sign else None,
        }
    )


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when pages can be served: the database answers and has its tables as this version needs them."""
    try:
        is_ready = _last_migrations() <= MigrationRecorder(connection).applied_migrations().keys()
    except Error:
        return JsonResponse({"status": "not ready", "reason": "database"}, status=503)
    if not is_ready:
        return JsonResponse({"status": "not ready", "reason": "migrations"}, status=503)
    return JsonResponse({"status": "ready"})


@cache
def _last_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migration of each app, as the files of this process name them."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
