"""One message to a real mail server: taken, or refused with a reason that says what to do."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from syncruns.alerts import smtp
from syncruns.alerts.smtp import MailError, Server, post
from syncruns.alerts.words import MAIL_ERRORS, explain_mail
from tests.certificates import self_signed
from tests.smtp import HANG_UP, SILENCE, MailServer, closed_port, mail_server

PASSWORD = "s3cret-of-the-server"


def letter(to: str = "ana@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Sincro <sincro@example.com>", to, "Olá"
    message.set_content("A conexão precisa de você.\n.\n", cte="quoted-printable")
    return message


def refused(server: Server, to: str = "ana@example.com") -> MailError:
    with pytest.raises(MailError) as caught:
        post(letter(to), server)
    return caught.value


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    path = self_signed(tmp_path / "certificate.pem", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


def test_message_is_taken_as_it_was_written() -> None:
    with mail_server() as box:
        post(letter(), Server(box.host, box.port))
    [message] = box.messages
    assert message["Subject"] == "Olá"
    assert message.get_content().splitlines() == ["A conexão precisa de você.", "."]
    assert box.conversations == [["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]]


@pytest.mark.parametrize("from_the_start", [True, False])
def test_user_signs_in_only_over_tls_that_is_trusted(
    tls: tuple[ssl.SSLContext, Path], from_the_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = tls
    box = MailServer(tls=context, is_tls_from_the_start=from_the_start, users={"ana": PASSWORD})
    with mail_server(box):
        server = Server(
            "localhost", box.port, "ana", PASSWORD, starts_tls=not from_the_start, is_tls=from_the_start, timeout=5
        )
        untrusted = refused(server)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        post(letter(), server)
    assert untrusted.code == "certificate_refused"
    assert "self-signed" in untrusted.params["answer"].replace("self signed", "self-signed")  # type: ignore[union-attr]
    assert len(box.messages) == 1
    assert [verb for verbs in box.conversations[:-1] for verb in verbs if verb in ("AUTH", "MAIL")] == []


@pytest.mark.parametrize(
    ("answers", "code", "is_final", "answer"),
    [
        ({"": "554 go away"}, "not_smtp", False, "554 go away"),
        ({"": "HTTP/1.1 400 Bad Request"}, "not_smtp", False, "/1.1 400 Bad Request"),
        ({"": "421 too busy"}, "try_later", False, "421 too busy"),
        ({"": HANG_UP}, "disconnected", False, ""),
        ({"": SILENCE}, "timeout", False, ""),
        ({"DATA": SILENCE}, "timeout", False, ""),
        ({"MAIL": "530 5.7.0 Authentication required"}, "login_required", False, "530 5.7.0 Authentication required"),
        ({"MAIL": "553 5.7.1 not yours"}, "sender_refused", False, "553 5.7.1 not yours"),
        ({"RCPT": "550 5.1.1 <ana@example.com> unknown"}, "recipient_refused", True, "550 5.1.1 <***> unknown"),
        ({"RCPT": "554 Relay access denied"}, "relay_refused", False, "554 Relay access denied"),
        ({"RCPT": "450 4.2.0 greylisted"}, "try_later", False, "450 4.2.0 greylisted"),
        ({"message": "550 5.7.1 looks like spam"}, "message_refused", True, "550 5.7.1 looks like spam"),
        ({"message": "452 disk full"}, "try_later", False, "452 disk full"),
    ],
)
def test_refusal_says_what_happened_in_the_servers_words(
    answers: dict[str, str], code: str, is_final: bool, answer: str
) -> None:
    with mail_server(MailServer(answers=answers)) as box:
        error = refused(Server(box.host, box.port, timeout=0.5))
    assert (error.code, error.is_final) == (code, is_final)
    assert explain_mail(error.code, error.params).answer == answer
    assert box.messages == []


@pytest.mark.parametrize(
    ("box", "given", "code"),
    [
        (MailServer(users={"ana": "another"}), {"user": "ana", "password": PASSWORD}, "login_refused"),
        (MailServer(users={"ana": "x"}, answers={"AUTH": HANG_UP}), {"user": "ana", "password": "x"}, "login_refused"),
        (MailServer(), {"user": "ana", "password": PASSWORD}, "login_missing"),
        (MailServer(users={"ana": "x"}), {"user": "ana", "password": "ção"}, "login_letters"),
        (MailServer(), {"starts_tls": True}, "tls_missing"),
        (MailServer(), {"is_tls": True}, "tls_failed"),
    ],
)
def test_wrong_settings_are_told_apart(box: MailServer, given: dict[str, Any], code: str) -> None:
    with mail_server(box):
        error = refused(Server(box.host, box.port, timeout=3, **given))
    assert error.code == code
    assert error.is_general and not error.is_final
    assert PASSWORD not in str(error.params) + repr(Server("h", 1, "ana", PASSWORD))


def test_server_that_is_not_there_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(Server("127.0.0.1", closed_port())).code == "connection_refused"
    assert refused(Server("mail.invalid", 25, timeout=3)).code == "host_unknown"
    with mail_server() as box:
        assert refused(Server(box.host, box.port), to="josé@example.com").code == "letters_refused"


def test_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "LONGEST_SECONDS", 0.4)
    with mail_server(MailServer(answers={"EHLO": SILENCE})) as box:
        assert refused(Server(box.host, box.port, timeout=15)).code == "timeout"


def test_every_reason_has_sentence_cause_and_fix_in_both_languages() -> None:
    params = {"host": "mail.example", "port": 587, "status": 550, "answer": "no"}
    for language in ("en", "pt-br"):
        with translation.override(language):
            for code in MAIL_ERRORS:
                told = explain_mail(code, params)
                assert all([told.sentence, told.cause, told.fix]) and "%" not in told.sentence + told.cause
    assert explain_mail("login_refused", params).fix.count("%40") == 1
