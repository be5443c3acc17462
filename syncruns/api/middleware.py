"""Lets every error below /api/ be a problem document, also those that no endpoint answered."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation

from syncruns.api.problems import MEDIA_TYPE, of_status


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
        with translation.override(translation.get_language_from_request(request)):
            return problem.response()
