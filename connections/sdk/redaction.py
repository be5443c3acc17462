"""Takes secrets out of texts that others wrote, in every spelling in which a server might echo them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_ANYWHERE = 4  # a shorter secret is masked only where it stands alone, or every text would fall apart


# A name that calls its value a secret, however a server writes the two: JSON, a form, a header.
NAMED = re.compile(
    r"""((?:"|')?[\w-]*(?:senha|passw|pwd|token|secret|api[-_]?key|certific|authori[sz]ation|credential)[\w-]*(?:"|')?"""
    r"""\s*[:=]\s*(?:(?:bearer|basic)\s+)?)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}\]]+)""",
    re.IGNORECASE,
)


def without_named_secrets(text: str) -> str:
    """Mask the values of passwords, tokens and the like that a server tells of its own accord."""
    return NAMED.sub(rf"\1{MASK}", text)


class Redactor:
    """Replace the secrets it was made with, plain, percent-encoded, escaped or in base64, by MASK."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret.strip() for form in _forms(secret)}
        self.longest = max(map(len, forms), default=0)
        patterns = [_pattern(form) for form in sorted(forms, key=len, reverse=True)]
        self._pattern = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text


def _forms(secret: str) -> set[str]:
    plain = secret.strip()
    forms = {secret, plain}
    for spelling in (secret, plain):
        encoded = spelling.encode("utf-8", "surrogatepass")
        # Without the padding, so that a form cut before it is found too.
        in_base64 = {
            base64.b64encode(encoded).decode().rstrip("="),
            base64.urlsafe_b64encode(encoded).decode().rstrip("="),
        }
        forms |= in_base64 | {quote(form, safe="") for form in in_base64}
        forms |= {quote(encoded), quote(encoded, safe=""), quote_plus(encoded)}
        forms |= {json.dumps(spelling)[1:-1], json.dumps(spelling, ensure_ascii=False)[1:-1], repr(spelling)[1:-1]}
        forms |= {html.escape(spelling), html.escape(spelling, quote=False)}
    return forms


def _pattern(form: str) -> str:
    if len(form) >= SHORTEST_ANYWHERE:
        return re.escape(form)
    return rf"(?<!\w){re.escape(form)}(?!\w)"
