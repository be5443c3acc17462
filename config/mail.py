"""The mail server through which Sincro sends, read from EMAIL_URL and EMAIL_FROM."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Literal
from urllib.parse import unquote, urlsplit

import environ

from config.environment import stop, text

Security = Literal["none", "starttls", "tls"]
SCHEMES: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+tls": ("starttls", 587),
    "smtp+ssl": ("tls", 465),
    "smtps": ("tls", 465),
}
WRONG_URL = "EMAIL_URL must look like smtp+tls://user:password@host:587 (see .env.example)."


@dataclass(frozen=True)
class Mail:
    """host is "" where no server is given."""

    host: str = ""
    port: int = 25
    security: Security = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


def mail(env: environ.Env, public_url: str) -> Mail:
    """Return the server and the address that messages come from, or stop."""
    url = text(env, "EMAIL_URL")
    sender = text(env, "EMAIL_FROM")
    if not url:
        return Mail()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, brackets that do not close
        stop(WRONG_URL)
    has_more = parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in SCHEMES or not parts.hostname or has_more or port == 0:
        stop(WRONG_URL)
    security, usual_port = SCHEMES[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = _checked(sender or _usual_sender(user, public_url))
    return Mail(parts.hostname, port or usual_port, security, user, password, sender)


def _usual_sender(user: str, public_url: str) -> str:
    """Return the server's user where that is an address, else an address of the console's own host, or stop."""
    if "@" in user:
        return user
    host = urlsplit(public_url).hostname or ""
    if "." not in host:
        stop("EMAIL_FROM must be given with EMAIL_URL: the address that messages come from.")
    return f"Sincro <sincro@{host}>"


def _checked(sender: str) -> str:
    name, _at, domain = parseaddr(sender)[1].rpartition("@")
    if not (name and domain) or not sender.isprintable():
        stop("EMAIL_FROM must look like sincro@example.com or Sincro <sincro@example.com>.")
    return sender
