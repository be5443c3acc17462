"""The wire under HttpClient: connections to checked addresses only, and a deadline that no drip outlasts."""

from __future__ import annotations

import functools
import http.client
import io
import logging
import socket
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from connections.sdk.addresses import AddressBook

# Its messages hold whole URLs, and queries may hold keys. What matters is told by HttpClient's own events.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class Wire:
    """What all connections of one client share. deadline: time.monotonic() at which every reading ends."""

    def __init__(self, book: AddressBook) -> None:
        self.book = book
        self.deadline = 0.0

    def remaining(self) -> float:
        """Return the seconds left. Raises TimeoutError when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("total deadline")
        return seconds

    def connect(self, host: str, port: int, timeout: float, options: Any) -> socket.socket:
        """Return a socket connected to the first checked address of host that answers. Raises OSError."""
        failure: OSError | None = None
        for endpoint in self.book.endpoints(host):
            wire = socket.socket(endpoint.family, socket.SOCK_STREAM)
            try:
                wire.settimeout(min(timeout, self.remaining()))
                for option in options or ():
                    wire.setsockopt(*option)
                wire.connect(endpoint.sockaddr(port))
            except OSError as error:
                wire.close()
                failure = error
            else:
                return wire
        raise failure or OSError("no address")

    def session(self) -> requests.Session:
        """Return a session whose every connection goes through this wire: no proxies, no redirects, no retries."""
        session = _Session()
        session.trust_env = False  # neither proxies nor .netrc: the host's environment is not the connection's
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(self))
        return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # HttpClient follows them itself; requests would read the redirect's body without any bound.
        return None


class _Adapter(HTTPAdapter):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": functools.partial(_pool, HTTPConnectionPool, _HttpConnection, self._wire),
            "https": functools.partial(_pool, HTTPSConnectionPool, _HttpsConnection, self._wire),
        }


def _pool(pool_class: Any, connection_class: Any, wire: Wire, *args: Any, **kwargs: Any) -> Any:
    pool = pool_class(*args, **kwargs)
    pool.ConnectionCls = functools.partial(connection_class, wire=wire)
    return pool


class _Connection(HTTPConnection):
    """Only the dialling is ours: the name still goes into the Host header, SNI and the certificate check."""

    def __init__(self, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire
        self.response_class = functools.partial(_Response, wire=wire)  # type: ignore[assignment]  # only called

    def _new_conn(self) -> socket.socket:
        try:
            return self._wire.connect(self.host, int(self.port or 0), float(self.timeout or 0), self.socket_options)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error


class _HttpConnection(_Connection):
    pass


class _HttpsConnection(_Connection, HTTPSConnection):
    pass


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, wire: Wire, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(sock, self.fp, wire))


class _DeadlineReader(io.RawIOBase):
    """Read a socket so that the whole answer, headers included, ends by the deadline.

    A read timeout alone counts from byte to byte: a server that drips would hold the reader for ever.
    """

    def __init__(self, sock: socket.socket, stream: Any, wire: Wire) -> None:
        self._sock = sock
        self._stream = stream.detach()  # the unbuffered SocketIO; it keeps the socket's own count of users
        self._wire = wire
        self._gap = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._wire.remaining()
        self._sock.settimeout(remaining if self._gap is None else min(self._gap, remaining))
        count: int | None = self._stream.readinto(buffer)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
