"""The console's addresses, and the answers that take the place of a page, each under an address of its own."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.defaults import page_not_found, permission_denied

from connections.people import views


@login_not_required
def answer(request: HttpRequest, which: str) -> HttpResponse:
    """Answer as if the page could not be shown; with status 200, so that what fails besides is seen."""
    made = {
        "400": lambda: views.bad_request(request, ValueError()),
        "403": lambda: permission_denied(request, PermissionError()),
        "403-csrf": lambda: views.csrf_failure(request),
        "404": lambda: page_not_found(request, LookupError()),
        "500": lambda: views.server_error(request),
        "503": lambda: views.unavailable(request, is_planned=False),
        "maintenance": lambda: views.unavailable(request, is_planned=True),
        "locked": lambda: views.locked_out(request, HttpResponse(), None),
    }[which]()
    made.status_code = 200
    return made


urlpatterns = [path("states/<slug:which>/", answer), path("", include("config.urls"))]
handler400 = "connections.people.views.bad_request"
handler500 = "connections.people.views.server_error"
