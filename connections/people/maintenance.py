"""Closes the pages while somebody works on the installation: `manage.py maintenance on`. Syncing goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from connections.people.views import unavailable

FILE = "maintenance"
SIGNS_OF_LIFE = ("/healthz", "/readyz")  # a monitor is to see what is the case


def marker() -> Path:
    """Return the file whose presence closes the pages, in this process and in all others on the directory."""
    return Path(settings.DATA_DIR) / FILE


class MaintenanceMiddleware:
    """Answers 503 while the marker is there, before anything asks the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path not in SIGNS_OF_LIFE and marker().exists():
            return unavailable(request, is_planned=True)
        return self.get_response(request)
