"""A client that costs little beside what it measures: one request, sent again and again over a plain socket."""

from __future__ import annotations

import re
import socket

STATUS = re.compile(rb"HTTP/1\.1 (\d+)")
LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: (\d+)")


class Asking:
    """One request and the connection it goes over; keep: the same one for the next."""

    def __init__(
        self, port: int, path: str, token: str, *, method: str = "GET", keep: bool = True, **headers: str
    ) -> None:
        lines = {"Host": "127.0.0.1", "Authorization": f"Bearer {token}", **headers}
        lines |= {} if keep else {"Connection": "close"}
        lines |= {"Content-Length": "0"} if method == "POST" else {}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._request = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()
        self._address = ("127.0.0.1", port)
        self._keep = keep
        self._wire: socket.socket | None = None

    def answer(self) -> tuple[int, bytes]:
        """Ask; returns status and body, or 0 when the connection ended without an answer."""
        try:
            if self._wire is None:
                self._wire = socket.create_connection(self._address, timeout=30)
            self._wire.sendall(self._request)
            status, body, closes = self._read(self._wire)
        except OSError:
            self._end()
            return 0, b""
        if closes or not self._keep:
            self._end()
        return status, body

    def _read(self, wire: socket.socket) -> tuple[int, bytes, bool]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more(wire)
        head, _, body = received.partition(b"\r\n\r\n")
        status, length = STATUS.match(head), LENGTH.search(head)
        if status is None or length is None:
            raise ConnectionError("no answer that can be read")
        while len(body) < int(length[1]):
            body += self._more(wire)
        return int(status[1]), body, b"\r\nConnection: close" in head

    def _more(self, wire: socket.socket) -> bytes:
        received = wire.recv(65536)
        if not received:
            raise ConnectionError("ended")
        return received

    def _end(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None
