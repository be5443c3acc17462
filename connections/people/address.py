"""Where a request comes from, seen through as many proxies as the installation has."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the address that the outermost of PROXY_COUNT proxies saw; what a client adds is ignored."""
    direct: str = request.META.get("REMOTE_ADDR", "")
    if not settings.PROXY_COUNT:
        return direct
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if len(hops) < settings.PROXY_COUNT:
        return direct
    try:
        return str(ip_address(hops[-settings.PROXY_COUNT]))
    except ValueError:
        return direct
