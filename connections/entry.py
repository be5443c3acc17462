"""One entry of the error catalogue (connections/catalogue.py)."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True)
class Entry:
    """What a code means. sentence, cause and steps: %(source)s is the connector's label, the rest the error's params.

    action: a key of catalogue.ACTIONS.
    """

    title: Text
    sentence: Text
    cause: Text
    steps: tuple[Text, ...] = ()
    action: str = "retry"
