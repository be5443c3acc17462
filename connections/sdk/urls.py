"""What is joined, compared and shown of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode, urljoin, urlsplit, urlunsplit

from connections.sdk.errors import SyncError

DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_base(base_url: str) -> str:
    """Return base_url without a closing slash; SyncError config_invalid unless it is a plain http(s) address.

    Plain: without user and query, which would put credentials where they are shown.
    """
    try:
        parts = urlsplit(base_url.strip())
        is_plain = parts.scheme in DEFAULT_PORTS and parts.hostname and "@" not in parts.netloc and not parts.query
        is_plain = is_plain and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain:
        raise SyncError("config_invalid", field="base_url", reason="url")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def below(base: str, path_or_url: str) -> str:
    """Return the full URL for a path below base, or for one that is full already."""
    try:
        is_full = bool(urlsplit(path_or_url).netloc)
    except ValueError:
        raise SyncError("config_invalid", field="path", reason="url") from None
    if not is_full:
        is_base_itself = path_or_url[:1] in ("", "?")
        return base + path_or_url if is_base_itself else f"{base}/{path_or_url.lstrip('/')}"
    url = joined(base, path_or_url)
    scheme, name, port = origin(base)
    if (scheme, port) == ("https", 443) and origin(url) == ("http", name, 80):
        # Servers behind a TLS proxy often write links to themselves with http.
        return "https" + url[len("http") :]
    return url


def joined(url: str, link: str) -> str:
    """Return link as a full URL, as seen from a page at url; empty when it cannot be read."""
    try:
        return urljoin(url, link)
    except ValueError:
        return ""


def with_params(url: str, params: Mapping[str, Any]) -> str:
    """Return url with params in its query, in place of parameters of the same names; None leaves one out."""
    asked = {name: value for name, value in params.items() if value is not None}
    parts = urlsplit(url)
    kept = [part for part in parts.query.split("&") if part and unquote_plus(part.partition("=")[0]) not in asked]
    query = "&".join(filter(None, [*kept, urlencode(asked, doseq=True)]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def without_query(url: str) -> str:
    """Return what may be shown of url: no user, query or fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def host(url: str) -> str:
    """Return the host name of url, empty when it has none."""
    return origin(url)[1]


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port; empty ones when url cannot be read."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None


def keeps_credentials_safe(url: str, target: str) -> bool:
    """Say whether going from url to target stays with the server the credentials are for, as safely as before."""
    old, new = origin(url), origin(target)
    return old == new or (old[1] == new[1] and (old[0], new[0]) == ("http", "https"))
