"""A mail server on loopback: takes messages, and refuses, delays or hangs up where a test asks it to."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

SILENCE = ""  # as an answer: none at all
HANG_UP = "hang up"


@dataclass
class MailServer:
    """What it answers: `answers` maps a verb ("" is the greeting) to a reply instead of the usual one."""

    answers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    is_tls_from_the_start: bool = False
    users: dict[str, str] = field(default_factory=dict)  # without any, it offers no way to sign in
    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    conversations: list[list[str]] = field(default_factory=list)  # the verbs of each

    host = "127.0.0.1"


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 20

    def handle(self) -> None:
        self.box = self.server.box
        self.is_encrypted = self.box.is_tls_from_the_start
        self.verbs: list[str] = []
        self.box.conversations.append(self.verbs)
        with contextlib.suppress(OSError, EOFError, ValueError):
            if self.is_encrypted:
                self._encrypt()
            self._reply("", "220 mail.example ESMTP")
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                self._answer(line)

    def _answer(self, line: str) -> None:
        verb, _space, rest = line.partition(" ")
        verb = verb.upper()
        self.verbs.append(verb)
        usual = {"EHLO": self._features(), "QUIT": "221 bye", "STARTTLS": "220 go ahead", "AUTH": "235 welcome"}
        usual["DATA"] = "354 go ahead"
        if verb == "AUTH" and not self._knows(rest):
            usual["AUTH"] = "535 5.7.8 Username and Password not accepted"
        self._reply(verb, usual.get(verb, "250 ok"))
        if verb == "STARTTLS":
            self._encrypt()
        elif verb == "RCPT":
            self.box.recipients.append(rest)
        elif verb == "DATA" and "DATA" not in self.box.answers:
            lines = iter(self.rfile.readline, b".\r\n")
            data = b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
            if self._reply("message", "250 taken").startswith("2"):
                self.box.messages.append(message_from_bytes(data, policy=policy.default))  # type: ignore[arg-type]
        elif verb == "QUIT":
            raise EOFError

    def _features(self) -> str:
        offers = ["250-mail.example"]
        if self.box.tls and not self.is_encrypted:
            offers.append("250-STARTTLS")
        if self.box.users:
            offers.append("250-AUTH PLAIN")
        return "\r\n".join([*offers, "250 8BITMIME"])

    def _knows(self, rest: str) -> bool:
        _nothing, user, password = base64.b64decode(rest.split()[-1]).decode().split("\0")
        return self.box.users.get(user) == password

    def _reply(self, verb: str, usual: str) -> str:
        reply = self.box.answers.get(verb, usual)
        if reply == HANG_UP:
            raise EOFError
        if reply == SILENCE:
            self.server.released.wait(20)
            raise EOFError
        self.wfile.write(f"{reply}\r\n".encode())
        return reply

    def _encrypt(self) -> None:
        assert self.box.tls is not None
        self.request = self.connection = self.box.tls.wrap_socket(self.connection, server_side=True)
        self.is_encrypted = True
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
            self.connection.close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, box: MailServer) -> None:
        super().__init__((box.host, 0), _Conversation)
        self.box = box
        self.released = threading.Event()  # those whom silence keeps waiting


@contextlib.contextmanager
def mail_server(box: MailServer | None = None) -> Iterator[MailServer]:
    """Yield a server that listens at box.port."""
    box = box or MailServer()
    server = _Server(box)
    box.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
