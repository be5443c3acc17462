"""Reads the environment: every setting typed and checked, and the keys of a local installation.

A wrong value ends the program with one line that names the variable.
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import environ
from cryptography.fernet import Fernet

from connections.sdk import VERSION

KEYS_FILE = "keys.env"
ASSIGNMENT = re.compile(r"(export )?[A-Za-z_0-9]+=")


def stop(message: str) -> NoReturn:
    """End the program with one clear line; doctor answers it as the problem that it was asked to find."""
    if sys.argv[1:2] == ["doctor"]:
        print(_diagnosis(message, as_json="--json" in sys.argv))  # noqa: T201 - there is no logging yet
        raise SystemExit(1)
    print(f"sincro: {message}", file=sys.stderr)  # noqa: T201 - there is no logging yet
    raise SystemExit(2)


def _diagnosis(message: str, *, as_json: bool) -> str:
    """Return what doctor says of a setting that keeps Sincro from starting (syncruns/checkup says all else)."""
    fix = "Correct it in the environment or in the .env file; .env.example explains each setting."
    if not as_json:
        return f"Problem  Settings: {message} {fix}"
    check = {"name": "settings", "state": "problem", "code": "settings_wrong", "params": {}}
    now = datetime.now(UTC).isoformat()
    checks = [check | {"message": message, "fix": fix}]
    return json.dumps({"state": "problem", "version": VERSION, "checked_at": now, "checks": checks}, indent=2)


def read_file(default: Path) -> None:
    """Give the environment what ENV_FILE, or else the file at default if there is one, adds to it, or stop.

    Left to itself, django-environ passes over a file it cannot read, and prints lines it does not understand.
    """
    given = os.environ.get("ENV_FILE")
    path = default if given is None else Path(given).expanduser()
    if given == "" or (given is None and not path.exists()):
        return
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        stop(f"{path} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        stop(f"{path} is not UTF-8: save it in that encoding.")
    for number, line in enumerate(lines, 1):
        lines[number - 1] = line = line.lstrip()
        if line and not line.startswith("#") and not ASSIGNMENT.match(line):
            stop(f"{path}, line {number}: write NAME=value, without spaces around =, or begin a comment with #.")
    environ.Env.read_env(io.StringIO("\n".join(lines)))


def text(env: environ.Env, name: str, default: str = "") -> str:
    """Return the variable without spaces around it, or stop at a reference that leads nowhere."""
    own = os.environ.get(name, "")
    if own.startswith("$") and own.lstrip("$") not in os.environ:
        stop(f"{name} begins with $, so the rest must be the name of a variable that is set.")
    return env.str(name, default=default).strip()


def integer(env: environ.Env, name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Return the variable as a whole number within bounds, or stop."""
    raw = text(env, name, str(default))
    try:
        value = int(raw)
    except ValueError:
        stop(f"{name} must be a whole number, not {raw!r}.")
    if not minimum <= value <= maximum:
        stop(f"{name} must be from {minimum} to {maximum}, not {value}.")
    return value


def given(env: environ.Env, name: str, *, maximum: int) -> int | None:
    """Return the variable as a whole number from 0 on, None when it is not given, or stop."""
    return integer(env, name, 0, minimum=0, maximum=maximum) if text(env, name) else None


def boolean(env: environ.Env, name: str, default: bool) -> bool:
    """Return the variable as a truth value, or stop."""
    raw = text(env, name, "1" if default else "0").lower()
    if raw in ("1", "true", "yes", "on"):
        return True
    if raw in ("0", "false", "no", "off", ""):
        return False
    stop(f"{name} must be 1 or 0, not {raw!r}.")


def choice(env: environ.Env, name: str, default: str, offered: tuple[str, ...]) -> str:
    """Return the variable, one of offered, or stop."""
    value = text(env, name, default)
    if value not in offered:
        stop(f"{name} must be one of {', '.join(offered)}, not {value!r}.")
    return value


def time_zone(env: environ.Env, name: str, default: str) -> str:
    """Return the variable, a zone of the tz database, or stop."""
    value = text(env, name, default)
    if value not in available_timezones():
        stop(f"{name} must be a time zone such as America/Sao_Paulo, not {value!r}.")
    return value


def public_url(env: environ.Env) -> str:
    """Return PUBLIC_URL without a trailing slash ("" when not set), or stop."""
    value = text(env, "PUBLIC_URL").rstrip("/")
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:  # a port that is no number, brackets that do not close
        wrong = True
    if wrong or parts.path or parts.query or parts.fragment or parts.username:
        stop("PUBLIC_URL must look like https://sync.example.com, without a path.")
    return value


def data_dir(env: environ.Env, default: Path) -> Path:
    """Return DATA_DIR, made private where it is new, or stop."""
    path = Path(text(env, "DATA_DIR") or default).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        stop(f"DATA_DIR {path} cannot be made: {error.strerror}.")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        stop(f"DATA_DIR {path} cannot be written by this user.")
    return path


def log_file(data_dir: Path) -> Path:
    """Return the application log's path, in a folder that is there, or stop."""
    path = data_dir / "logs" / "sync.log"
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        stop(f"{path.parent} cannot be made: {error.strerror}.")
    return path


def readable(env: environ.Env, name: str) -> str:
    """Return the variable, a file or directory that can be read ("" when not set), or stop."""
    value = text(env, name)
    if value and not os.access(value, os.R_OK):
        stop(f"{name} {value} cannot be read by this user.")
    return value


def keys(env: environ.Env, data_dir: Path, *, production: bool) -> tuple[str, list[str]]:
    """Return SECRET_KEY and CREDENTIAL_KEYS: given, or for a local installation generated once into a private file."""
    secret_key = text(env, "SECRET_KEY")
    credential_keys = env.list("CREDENTIAL_KEYS", default=[])
    if not (secret_key and credential_keys):
        if production:
            missing = "SECRET_KEY" if not secret_key else "CREDENTIAL_KEYS"
            stop(f"{missing} must be given when PUBLIC_URL or a PostgreSQL DATABASE_URL is set (see .env.example).")
        try:
            local = _local_keys(data_dir / KEYS_FILE)
        except OSError as error:
            stop(f"{data_dir / KEYS_FILE} cannot be used: {error.strerror}.")
        secret_key = secret_key or local["SECRET_KEY"]
        credential_keys = credential_keys or [local["CREDENTIAL_KEYS"]]
    for key in credential_keys:
        try:
            Fernet(key)
        except (ValueError, TypeError):
            stop("CREDENTIAL_KEYS must be Fernet keys (32 bytes, URL-safe base64), separated by commas.")
    if len(secret_key) < 32:
        stop("SECRET_KEY must have at least 32 characters.")
    return secret_key, credential_keys


def _local_keys(path: Path) -> dict[str, str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = f"SECRET_KEY={secrets.token_urlsafe(50)}\nCREDENTIAL_KEYS={Fernet.generate_key().decode()}\n"
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(made)
    try:
        os.link(draft, path)  # the first of several processes wins, and no one reads half a file
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    found = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    if not {"SECRET_KEY", "CREDENTIAL_KEYS"} <= set(found):
        stop(f"{path} is damaged: SECRET_KEY or CREDENTIAL_KEYS is missing. Restore it from a backup.")
    return found
