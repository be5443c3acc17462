"""Lets every error below /api/ be a problem document, and whatever answers GET answer HEAD as well."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from syncruns.api.problems import MEDIA_TYPE, of_status


class HeadMiddleware:
    """Asks an endpoint of /api/ as GET would, which is all that they know, and sends only the head of the answer.

    Of whatever else answers HEAD it leaves out the body too: the server must not send one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "HEAD":
            return self.get_response(request)
        if request.path.startswith("/api/"):
            request.method = "GET"
        response = self.get_response(request)
        if not response.streaming:
            response.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class ProblemMiddleware:
    """Replaces the pages of errors (404, 405, 500, 503...) below /api/."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_error = response.status_code >= 400 and response.get("Content-Type", "") != MEDIA_TYPE
        if not is_error or not request.path.startswith("/api/"):
            return response
        problem = of_status(response.status_code)
        for header in ("Allow", "Retry-After"):
            if header in response:
                problem.headers[header] = response[header]
        methods = set(problem.headers.get("Allow", "").split(", ")) - {""}
        if "GET" in methods:
            problem.headers["Allow"] = ", ".join(sorted(methods | {"HEAD"}))
        with translation.override(translation.get_language_from_request(request)):
            return problem.response()
