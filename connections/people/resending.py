"""A form that was sent after its session had ended: kept by the sign-in page, and sent again from there.

What was typed may hold secrets, so the page carries it encrypted with the keys of stored secrets, signed for one hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from connections.sdk.errors import SyncError
from connections.secrets import decrypt, encrypt

FIELD = "resend"
FORM = "application/x-www-form-urlencoded"
LIFE_SECONDS = 3600
MOST_CHARACTERS = 500_000  # beyond it a page would be too heavy to carry the form
_signer = TimestampSigner(salt="connections.people.resending")


@dataclass(frozen=True)
class Kept:
    """A form as it was sent. url: where to, with its query."""

    url: str
    typed: QueryDict

    def is_for(self, request: HttpRequest) -> bool:
        return urlsplit(self.url).path == request.path


def keep(request: HttpRequest) -> str:
    """Return the form that this request brought, sealed; an empty text when it is none that can be sent again."""
    if request.method != "POST" or request.content_type != FORM:
        return ""
    if FIELD in request.POST:  # the session ended once more
        return request.POST[FIELD] if unsealed(request.POST[FIELD]) else ""
    data = request.POST.copy()
    data.pop("csrfmiddlewaretoken", None)
    typed = data.urlencode()
    if not typed or len(typed) > MOST_CHARACTERS:
        return ""
    return _signer.sign(encrypt({"url": request.get_full_path(), "typed": typed}))


def unsealed(sealed: str) -> Kept | None:
    """Return what keep() sealed; None when it is over an hour old, or damaged."""
    try:
        kept = decrypt(_signer.unsign(sealed, max_age=LIFE_SECONDS))
        return Kept(kept["url"], QueryDict(kept["typed"]))
    except (BadSignature, SyncError):
        return None


def page_of(request: HttpRequest) -> str:
    """Return the page of ours that a form was on, with its query; the overview when nobody says."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host():
        return reverse("overview")
    return f"{page.path}?{page.query}" if page.query else page.path


class ResendMiddleware:
    """Hands a view the form that the sign-in page had kept for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., HttpResponse], _args: tuple, _kwargs: dict
    ) -> HttpResponse | None:
        if request.method != "POST" or request.content_type != FORM or FIELD not in request.POST:
            return None
        match = request.resolver_match
        if match is not None and match.view_name == "sign_in":  # which only passes it on
            return None
        kept = unsealed(request.POST[FIELD])
        if kept is None or not kept.is_for(request):
            return render(request, "403_csrf.html", status=403)
        request.POST = kept.typed  # type: ignore[assignment]  # a property with a setter, which its stubs do not show
        return None
