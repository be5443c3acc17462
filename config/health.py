"""Signs of life for load balancers and monitors: open to all, and telling nothing that matters."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import Error
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
    """Answer 200 when pages can be served: the database answers and has its tables."""
    try:
        Scheduler.now()
    except Error:
        return JsonResponse({"status": "not ready"}, status=503)
    return JsonResponse({"status": "ready"})
