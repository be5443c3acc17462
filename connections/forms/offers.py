"""What the source offered for a setting, carried by the page from one sending of the form to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from connections.sdk.settings import Setting

Offers = dict[str, list[tuple[str, str]]]  # setting -> (value, label)

MOST = 1000


def posted(settings: Sequence[Setting], data: Mapping[str, str]) -> Offers:
    """Return the offers that the page carries; what cannot be read was not made here, and is dropped."""
    found: Offers = {}
    for setting in settings:
        if setting.offered_from and (text := data.get(f"offers:{setting.name}", "")):
            try:
                found[setting.name] = [(str(value), str(label)) for value, label in json.loads(text)][:MOST]
            except (ValueError, TypeError):
                continue
    return found


def carried(offers: Sequence[tuple[str, str]]) -> str:
    """Return offers as the text that posted() reads."""
    return json.dumps(offers, ensure_ascii=False)
