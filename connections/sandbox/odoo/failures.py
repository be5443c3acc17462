"""How Odoo's failures look on the wire: a name, a text, and a traceback no user should ever see."""

from __future__ import annotations

from typing import Any

SERVER_PATH = "/opt/odoo/server/odoo"
STATUSES = {  # of JSON-2, by name; all others are 500
    "odoo.exceptions.AccessDenied": 403,
    "odoo.exceptions.AccessError": 403,
    "odoo.exceptions.MissingError": 404,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
    "werkzeug.exceptions.BadRequest": 400,
    "werkzeug.exceptions.NotFound": 404,
    "werkzeug.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.UnprocessableEntity": 422,
}
PHRASES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Entity"}
SESSION_EXPIRED = "odoo.http.SessionExpiredException"


class OdooError(Exception):
    """A failure the server reports by name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message

    @property
    def status(self) -> int:
        return STATUSES.get(self.name, 500)

    def data(self) -> dict[str, Any]:
        """Return the error as JSON-2 sends it; JSON-RPC has the same under "data"."""
        is_http = self.name.startswith("werkzeug.")
        arguments = [self.message, self.status] if is_http else [self.message]
        said = f"{self.status} {PHRASES[self.status]}: {self.message}" if is_http else self.message
        return {
            "name": self.name,
            "message": self.message,
            "arguments": arguments,
            "context": {},
            "debug": traceback_text(self.name.removeprefix("builtins."), said),
        }


def named(error: Exception) -> OdooError:
    """Return any exception as a server reports it: by the name of its class."""
    if isinstance(error, OdooError):
        return error
    return OdooError(f"{type(error).__module__}.{type(error).__name__}", str(error))


def traceback_text(name: str, message: str) -> str:
    """Return what `debug` holds: paths of the server, and for database errors a part of the query."""
    files = (("http.py", 1788, "_serve_db"), ("service/model.py", 152, "retrying"), ("sql_db.py", 332, "execute"))
    frames = (f'  File "{SERVER_PATH}/{file}", line {line}, in {function}' for file, line, function in files)
    return "\n".join(("Traceback (most recent call last):", *frames, f"{name}: {message}"))


def rpc_error(error: OdooError) -> dict[str, Any]:
    """Return the "error" of a JSON-RPC answer."""
    data = error.data()
    expired = error.name == SESSION_EXPIRED
    return {
        "code": 100 if expired else 200,
        "message": "Odoo Session Expired" if expired else "Odoo Server Error",
        "data": {name: data[name] for name in ("name", "debug", "message", "arguments", "context")},
    }


def value_error(message: str) -> OdooError:
    return OdooError("builtins.ValueError", message)


def access_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.AccessError", message)


def access_denied() -> OdooError:
    return OdooError("odoo.exceptions.AccessDenied", "Access Denied")


def user_error(message: str) -> OdooError:
    return OdooError("odoo.exceptions.UserError", message)


def not_found(message: str) -> OdooError:
    return OdooError("werkzeug.exceptions.NotFound", message)


def unprocessable(message: str) -> OdooError:
    return OdooError("werkzeug.exceptions.UnprocessableEntity", message)


def unauthorized(message: str) -> OdooError:
    return OdooError("werkzeug.exceptions.Unauthorized", message)


def missing_record(model: str, number: int, uid: int) -> OdooError:
    return OdooError(
        "odoo.exceptions.MissingError",
        f"Record does not exist or has been deleted.\n(Record: {model}({number},), User: {uid})",
    )


def no_such_database(name: str) -> OdooError:
    message = f'connection to server at "127.0.0.1", port 5432 failed: FATAL:  database "{name}" does not exist\n'
    return OdooError("psycopg2.OperationalError", message)
