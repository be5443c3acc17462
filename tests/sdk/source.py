"""A scripted source on loopback: each request gets the next step, down to single bytes on the wire."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any

Step = Callable[[socket.socket, threading.Event], None]


@dataclass
class Asked:
    """One request as it came over the wire; target: path and query."""

    method: str
    target: str
    headers: Message
    body: bytes = field(repr=False)


class Source:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.steps: list[Step] = []
        self.surprises: list[str] = []
        self.closing = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def then(self, *steps: Step) -> None:
        self.steps.extend(steps)

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.settimeout(10)
            if self._tls is None:
                self._answer(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            line = stream.readline()
            if not line.endswith(b" HTTP/1.1\r\n"):
                return
            method, target, _version = line.decode().split()
            head = b"".join(iter(stream.readline, b"\r\n"))
            headers = BytesParser().parsebytes(head)
            body = stream.read(int(headers.get("Content-Length", "0")))
        self.asked.append(Asked(method, target, headers, body))
        if self.steps:
            self.steps.pop(0)(connection, self.closing)
        else:
            self.surprises.append(target)


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[Source]:
    """Give a source; afterwards every step must have been asked for, and nothing more."""
    source = Source(tls)
    try:
        yield source
    finally:
        source.close()
    assert not source.surprises, f"unexpected requests: {source.surprises}"
    assert not source.steps, f"{len(source.steps)} expected requests never came"


def wire(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items()), "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def reply(status: int = 200, body: Any = b"", **headers: str) -> Step:
    """Answer; a body that is no bytes goes as JSON; header names are written with _ for -."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Length": str(len(content))}
    if not isinstance(body, bytes):
        sent["Content-Type"] = "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return raw(wire(status, content, sent))


def raw(data: bytes) -> Step:
    def step(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(data)

    return step


def hang(connection: socket.socket, closing: threading.Event) -> None:
    closing.wait(10)


def reset(connection: socket.socket, closing: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def drip(start: bytes, piece: bytes, pieces: int = 200) -> Step:
    """Send start, then a piece every 50 ms, for 10 s in all."""

    def step(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(start)
        for _piece in range(pieces):
            if closing.wait(0.05):
                return
            connection.sendall(piece)

    return step
