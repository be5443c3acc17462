"""Tags of connections: short words that lists are filtered by."""

from __future__ import annotations

from collections.abc import Iterable

from connections.sdk.settings import Rejected
from connections.sdk.text import gettext_noop as _

MOST = 12
LONGEST = 40


def split(text: str) -> list[str]:
    """Return the tags of a text with commas between them; of two that differ only in case the first counts."""
    return merged((), text.split(","))


def merged(known: Iterable[str], added: Iterable[str]) -> list[str]:
    """Return tags with others added."""
    found: dict[str, str] = {}
    for tag in (*known, *added):
        if tag := " ".join(tag.split()):
            found.setdefault(tag.casefold(), tag)
    return list(found.values())


def without(known: Iterable[str], removed: Iterable[str]) -> list[str]:
    """Return tags without others, whatever their case."""
    gone = {tag.casefold() for tag in merged((), removed)}
    return [tag for tag in known if tag.casefold() not in gone]


def written(tags: Iterable[str]) -> str:
    """Return tags as a person types them."""
    return ", ".join(tags)


def check(text: str) -> None:
    """Raise Rejected for more or longer tags than lists can show."""
    found = split(text)
    if len(found) > MOST:
        raise Rejected(_("Use at most %(count)s tags."), count=MOST)
    if any(len(tag) > LONGEST for tag in found):
        raise Rejected(_("Use at most %(count)s characters for a tag."), count=LONGEST)
