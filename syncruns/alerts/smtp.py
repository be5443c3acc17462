"""Hands one message to the mail server, and says in codes why it did not take it."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import urlsplit

from django.conf import settings

from connections.sdk.redaction import Redactor

LONGEST_SECONDS = 45.0  # of one message in all; each answer may take EMAIL_TIMEOUT
LONGEST_ANSWER = 300

Params = dict[str, str | int]


@dataclass(frozen=True)
class Server:
    """The mail server of this installation."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    starts_tls: bool = False
    is_tls: bool = False
    timeout: float = 15

    @classmethod
    def of_settings(cls) -> Server:
        return cls(
            settings.EMAIL_HOST,
            settings.EMAIL_PORT,
            settings.EMAIL_HOST_USER,
            settings.EMAIL_HOST_PASSWORD,
            settings.EMAIL_USE_TLS,
            settings.EMAIL_USE_SSL,
            settings.EMAIL_TIMEOUT,
        )


class MailError(Exception):
    """A message that the server did not take.

    code: a key of syncruns.alerts.words.MAIL_ERRORS. is_final: sending the same again is useless. is_general: any
    other message would meet the same. The server's own words are in params["answer"].
    """

    def __init__(
        self, code: str, params: Params | None = None, *, is_final: bool = False, is_general: bool = True
    ) -> None:
        self.code = code
        self.params = params or {}
        self.is_final = is_final
        self.is_general = is_general
        super().__init__(code)


class _Session:
    """One conversation with the server; step: what it was about when it failed."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self.step = "connect"
        self.is_over_time = False

    def send(self, message: EmailMessage) -> None:
        server, name = self._server, urlsplit(settings.PUBLIC_URL).hostname or socket.gethostname()
        context = ssl.create_default_context()
        if server.is_tls:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=name, timeout=server.timeout, context=context)
        else:
            smtp = smtplib.SMTP(local_hostname=name, timeout=server.timeout)
        self._smtp = smtp
        # TLS checks this name; only a constructor that connects at once would set it.
        smtp._host = server.host  # type: ignore[attr-defined]  # there is no public way
        try:
            code, answer = smtp.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, answer)
            smtp.ehlo_or_helo_if_needed()
            if server.starts_tls:
                self.step = "tls"
                smtp.starttls(context=context)
            if server.user:
                self.step = "login"
                smtp.login(server.user, server.password)
            self.step = "message"
            smtp.send_message(message)
            with suppress(OSError, smtplib.SMTPException):  # the message has been taken
                smtp.quit()
        finally:
            smtp.close()

    def give_up(self) -> None:
        self.is_over_time = True
        if self._smtp is not None and self._smtp.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._smtp.sock, socket.SHUT_RDWR)  # wakes whoever waits for its answer


def post(message: EmailMessage, server: Server | None = None) -> None:
    """Hand the message to the server. Raises MailError."""
    server = server or Server.of_settings()
    session = _Session(server)
    watchdog = threading.Timer(LONGEST_SECONDS, session.give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        session.send(message)
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        # What the server says may repeat the password, or to whom it was to go.
        redact = Redactor([server.password, parseaddr(message["To"])[1]])
        raise _mail_error(error, session, redact, {"host": server.host, "port": server.port}) from None
    finally:
        watchdog.cancel()


def _mail_error(error: Exception, session: _Session, redact: Redactor, params: Params) -> MailError:
    """Return what an exception of this conversation means."""
    step = session.step
    if session.is_over_time or isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return MailError("timeout", params)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        status, answer = next(iter(error.recipients.values()))
        is_relay = b"relay" in answer.lower()  # it does not know us, whoever the message is for
        code = "relay_refused" if is_relay else "recipient_refused"
        return _refusal(status, code, params | _said(answer, redact), is_general=is_relay)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer_error(error, step, params | _said(error.smtp_error, redact))
    if isinstance(error, smtplib.SMTPNotSupportedError) or (step == "login" and type(error) is smtplib.SMTPException):
        code = {"tls": "tls_missing", "login": "login_missing"}.get(step, "letters_refused")
        return MailError(code, params, is_final=step == "message", is_general=step != "message")
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailError("certificate_refused", params | {"answer": error.verify_message})
    if isinstance(error, ssl.SSLError):
        return MailError("tls_failed", params)
    return MailError(_of_kind(error, step), params)


def _of_kind(error: Exception, step: str) -> str:
    if isinstance(error, UnicodeError):
        return "login_letters" if step == "login" else "host_unknown"
    if isinstance(error, socket.gaierror):
        return "host_unknown"
    if isinstance(error, ConnectionRefusedError):
        return "connection_refused"
    if isinstance(error, smtplib.SMTPServerDisconnected) and step == "login":
        return "login_refused"  # some servers hang up instead of saying so
    if isinstance(error, ConnectionError | smtplib.SMTPException):
        return "disconnected"
    return "unreachable"


def _answer_error(error: smtplib.SMTPResponseException, step: str, params: Params) -> MailError:
    if isinstance(error, smtplib.SMTPSenderRefused):
        code = "login_required" if error.smtp_code == 530 else "sender_refused"
    elif isinstance(error, smtplib.SMTPDataError):
        return _refusal(error.smtp_code, "message_refused", params, is_general=False)
    else:
        code = {"tls": "tls_missing", "login": "login_refused"}.get(step, "not_smtp")
    return _refusal(error.smtp_code, code, params)


def _refusal(status: int, code: str, params: Params, *, is_general: bool = True) -> MailError:
    """Return a refusal: one of the 4xx kind asks to try again later."""
    if status > 0:
        params["status"] = status
    if 400 <= status < 500:
        return MailError("try_later", params, is_general=is_general)
    return MailError(code, params, is_final=not is_general, is_general=is_general)


def _said(answer: bytes | str, redact: Redactor) -> Params:
    """Return the server's own words on one line."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return {"answer": redact(" ".join(text.split()))[:LONGEST_ANSWER]}
