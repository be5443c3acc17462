"""Sources that tell failures in their own words: a judge reads them; a request says what is worth a retry."""

from __future__ import annotations

import pytest

from connections.sdk.errors import SyncError
from connections.sdk.failures import Failure
from connections.sdk.http import Answer
from tests.sdk.source import reply, reset

CANARY = "canary-4711-secret"


def judge(answer: Answer) -> Failure | None:
    """A source that says {"wrong": word} with any status; "busy" passes by itself."""
    wrong = answer.json().get("wrong") if answer.body.startswith(b"{") else None
    if wrong is None:
        return None
    error = SyncError("server_error" if wrong == "busy" else "request_refused", detail=f"said {wrong}", word=wrong)
    return Failure(error, again=wrong == "busy", cause="its own word")


@pytest.mark.parametrize("status", [200, 500])
def test_failure_is_found_whatever_its_status(source, client, failure, status):
    source.then(reply(status, {"wrong": "question"}))
    error = failure(lambda: client(source.url, judge=judge).get(""))
    assert (error.code, error.detail) == ("request_refused", "said question")
    assert error.params == {"host": "127.0.0.1", "status": status, "word": "question", "tries": 1}


def test_what_passes_by_itself_is_asked_again_and_logged_with_its_cause(source, client, context):
    source.then(reply(200, {"wrong": "busy"}), reply(200, {"right": 1}))
    assert client(source.url, judge=judge).get("").json() == {"right": 1}
    assert [(event, params["error"]) for _level, event, params in context.events] == [("http_retry", "its own word")]


def test_what_the_judge_does_not_know_goes_by_its_status(source, client, failure):
    source.then(reply(403, {"other": "words"}))
    assert failure(lambda: client(source.url, judge=judge).get("")).code == "permission_denied"


def test_secrets_are_taken_out_of_what_the_judge_found(source, client, failure):
    source.then(reply(200, {"wrong": CANARY}))
    error = failure(lambda: client(source.url, judge=judge, secrets=[CANARY]).get(""))
    assert CANARY not in f"{error!r} {error} {error.detail} {error.params}"


def test_request_may_say_which_failures_are_worth_another_try(source, client, context, failure):
    source.then(reply(503), reset)
    error = failure(lambda: client(source.url).post("", json={}, retry=lambda error: error.code == "server_error"))
    assert (error.code, error.params["tries"]) == ("connection_failed", 2)


def test_document_is_read_from_the_body_once(source, client):
    source.then(reply(200, {"right": 1}))
    answer = client(source.url).get("")
    assert answer.json() is answer.json()
