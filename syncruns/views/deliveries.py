"""The list of messages that were sent, alike for e-mails to people and webhooks to programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from syncruns.known_query import known_only
from syncruns.models import Delivery
from syncruns.outcomes import DELIVERY_LOOKS, Look

Sent = TypeVar("Sent", bound=Model)

PER_PAGE = 50


@dataclass(frozen=True)
class Told:
    """A message in words. about: what it told; why: the reason it was left out or not taken; answer: what came back."""

    delivery: Any
    about: str
    why: str = ""
    answer: str = ""

    @property
    def look(self) -> Look:
        return DELIVERY_LOOKS[self.delivery.state]

    @property
    def is_tried_again(self) -> bool:
        return self.delivery.state == Delivery.State.WAITING and self.delivery.attempts > 0


def log_of(
    request: HttpRequest, deliveries: QuerySet[Sent], tell: Callable[[Sent], Told], states: Iterable[str]
) -> dict[str, Any]:
    """Return what the list needs: one page of the messages, of the state that the address asks for."""
    words = {name: DELIVERY_LOOKS[name].word for name in states}
    asked = known_only(request.GET, {"state": (_("State"), words)})
    state = asked.given.get("state", "")
    found = deliveries.filter(state=state) if state else deliveries
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "page": page,
        "told": [tell(one) for one in page.object_list],
        "state": state,
        "states": words.items(),
        "asked": asked,
    }
