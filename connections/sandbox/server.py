"""A small vendor over real HTTP: any WSGI app on a port, with faults on demand and a control address."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from connections.sandbox.faults import Fault, Faults

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
CONTROL = "/_sandbox/faults"
LOOPBACK = ("127.0.0.1", "::1")
HTML = b"<!doctype html><title>Sign in</title><h1>Please sign in</h1>"


class App(Protocol):
    """A vendor's API as a WSGI app. faults: those of its server, for the faults on records."""

    faults: Faults
    token: str

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]: ...


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a hanging request ends with the process
    request_queue_size = 64

    def server_bind(self) -> None:
        """Bind without asking the DNS for this machine's name, which can take seconds."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: clients that give up and answers cut on purpose are what a sandbox is for."""


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: the tests and the supervisor share this process's output."""

    def get_stderr(self) -> Any:
        return _Nowhere()


class _Nowhere:
    def write(self, text: str) -> None: ...

    def flush(self) -> None: ...


class Sandbox:
    """Serve app on host:port (0 takes a free port), in a thread as a context manager or by serve() in this one."""

    def __init__(self, app: App, *, port: int = 0, host: str = "127.0.0.1", faults: str = "") -> None:
        self.app = app
        self.faults = app.faults = Faults(faults)
        self.requests: deque[str] = deque(maxlen=10_000)  # path and query of each, in order
        self._stopping = threading.Event()
        self._server = _Server((host, port), _Handler)
        self._server.set_app(self._answer)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def serve(self) -> None:
        """Serve until stop() is called, from a signal handler's thread or another one."""
        try:
            self._server.serve_forever(poll_interval=0.02)
        finally:
            self._server.server_close()

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()

    def __enter__(self) -> Sandbox:
        self._thread = threading.Thread(target=self.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path, query = str(environ.get("PATH_INFO", "/")), str(environ.get("QUERY_STRING", ""))
        if path == CONTROL:
            return self._control(environ, start_response)
        self.requests.append(f"{path}?{query}" if query else path)
        fault = self.faults.response(path)
        if fault is None:
            return self.app(environ, start_response)
        return self._play(fault, environ, start_response)

    def _control(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("REMOTE_ADDR") not in LOOPBACK:
            return answer_json(start_response, 403, {"error": "loopback only"})
        if environ["REQUEST_METHOD"] in ("POST", "PUT"):
            spec = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
            try:
                self.faults.order(spec)
            except ValueError as error:
                return answer_json(start_response, 400, {"error": str(error)})
        state = {"faults": self.faults.spec, "played": self.faults.played, "requests": len(self.requests)}
        return answer_json(start_response, 200, state)

    def _play(self, fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        match fault.name:
            case "html":
                return answer(start_response, 200, HTML, "text/html; charset=utf-8")
            case "error-body":
                return answer_json(start_response, 200, {"error": "something went wrong", "code": 17})
            case "empty":
                return answer(start_response, 200, b"", "application/json")
            case "redirect":
                return answer(start_response, 302, b"", "text/plain", {"Location": fault.options.get("to", "/")})
            case "echo":
                return answer_json(start_response, 400, {"error": "bad request", "request": _told(environ)})
            case "reset":
                raise ConnectionAbortedError
            case "hang":
                self._stopping.wait(fault.seconds(3600))
                raise ConnectionAbortedError
            case "drip":
                return self._drip(self.app(environ, start_response), fault.seconds(0.2))
            case "truncate":
                body = b"".join(self.app(environ, start_response))
                return [body[: len(body) // 2]]
            case _:
                headers = {"Retry-After": fault.options["retry-after"]} if "retry-after" in fault.options else {}
                error = {"error": f"sandbox fault {fault.name}"}
                return answer_json(start_response, int(fault.name), error, headers)

    def _drip(self, body: Iterable[bytes], seconds: float) -> Iterator[bytes]:
        for chunk in body:
            for byte in chunk:
                yield bytes([byte])
                if self._stopping.wait(seconds):
                    return


def _told(environ: Environ) -> dict[str, str]:
    """Return what a request brought, as servers that are too helpful send it back."""
    brought = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "PATH", "QUERY"))}
    return {**brought, "body": environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()}


def answer(
    start_response: StartResponse, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
) -> list[bytes]:
    """Start the response with these headers and Content-Length, and return its body."""
    start_response(
        f"{status} -",
        [("Content-Type", content_type), ("Content-Length", str(len(body))), *(headers or {}).items()],
    )
    return [body]


def answer_json(
    start_response: StartResponse, status: int, value: Any, headers: dict[str, str] | None = None
) -> list[bytes]:
    """Answer with value as JSON; accents travel as UTF-8."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return answer(start_response, status, body, "application/json", headers)


def query(environ: Environ) -> dict[str, str]:
    """Return the request's query parameters, the last of each name."""
    return dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
