"""`/api/`: django-ninja with our errors, our token check and a description that says both."""

from __future__ import annotations

import json
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import HttpError, Throttled, ValidationError
from ninja.openapi.docs import Swagger
from ninja.operation import Operation
from ninja.renderers import BaseRenderer

from connections.sdk import VERSION
from syncruns.api.problems import MEDIA_TYPE, Problem, of_status
from syncruns.api.routes import router

DESCRIPTION = """
Starts syncs and tells how they stand. Every request brings a token: `Authorization: Bearer sincro_...`. Administrators
make tokens in the console, under Settings, API tokens: with the scope `read`, or with `operate`, which may also start,
pause, switch and describe. Errors are problem documents (RFC 9457) with a stable `code`; texts are in the language of
`Accept-Language` (`pt-BR`, `en`). Moments are ISO 8601, UTC.
"""

# deepLinking would put a link into each button that opens an operation.
SWAGGER = {"persistAuthorization": False, "defaultModelsExpandDepth": 0, "deepLinking": False, "validatorUrl": None}

# What certain answers bring beside the document.
HEADERS = {
    401: ("WWW-Authenticate", "That a Bearer token is wanted, and what is wrong with the one that came", "string"),
    409: ("Location", "The address of the run that is active", "string"),
    423: ("Retry-After", "When the hold ends by itself, as an HTTP date; missing: it does not", "string"),
    429: ("Retry-After", "Seconds until there is room for a request", "integer"),
}


class Json(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return orjson.dumps(data, default=str)


class Description(Swagger):
    """The page of description, with our template and files."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        told = {**self.settings, "url": self.get_openapi_url(api, kwargs)}
        return render(request, self.template, {"swagger_settings": json.dumps(told), "api": api})


class Api(NinjaAPI):
    """Says of errors that they are problem documents, and calls operations as generated clients shall."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        document = super().get_openapi_schema(*args, **kwargs)
        for operations in document["paths"].values():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in answer.get("content", {}):
                        answer["content"] = {MEDIA_TYPE: answer["content"]["application/json"]}
                    if int(status) in HEADERS:
                        name, words, kind = HEADERS[int(status)]
                        answer["headers"] = {name: {"description": words, "schema": {"type": kind}}}
        return document


api = Api(
    title="Sincro",
    version=VERSION,
    description=DESCRIPTION.strip(),
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url="/docs",
    docs=Description(settings=SWAGGER),
    renderer=Json(),
)
api.add_router("", router)


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem.response()


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # What was sent is not repeated: it may be long, or secret.
    wrong = [
        {"loc": [str(part) for part in one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors
    ]
    return Problem(422, "invalid_request", errors=wrong).response()


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return of_status(429 if isinstance(error, Throttled) else error.status_code).response()


@csrf_exempt
@login_not_required
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    return Problem(404, "not_found").response()


def _patterns() -> list[URLPattern]:
    """Return the API's addresses. Tokens open them, not sessions; only its page of description wants a person."""
    patterns: list[Any] = list(api.urls[0])
    for pattern in patterns:
        if pattern.name != "openapi-view":
            pattern.callback.login_required = False
    return [*patterns, re_path(r"^(?P<rest>.*)$", nothing_here, name="nothing_here")]


app_name = "api"
urlpatterns = _patterns()
