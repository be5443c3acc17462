"""What every page's frame shows: menu, how many connections need a person, the scheduler's sign of life, the reader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections.models import Connection, UserPreference
from connections.people.roles import BROWSE_ROWS, LABELS, role_of
from syncruns.models import DeleteBrake, Document, SystemJob
from syncruns.review.waiting import MOST, Waiting, waiting_for

SILENT_AFTER = timedelta(seconds=60)
SHORT_LANGUAGES = {"pt-br": "PT", "en": "EN"}
SWITCH_TO = {"pt-br": "Mudar para português", "en": "Change to English"}  # each said in its own language
THEMES: dict[str, tuple[str, Any]] = {
    UserPreference.Theme.SYSTEM: ("device-desktop", gettext_lazy("Theme: as the system. Change to light")),
    UserPreference.Theme.LIGHT: ("sun", gettext_lazy("Theme: light. Change to dark")),
    UserPreference.Theme.DARK: ("moon", gettext_lazy("Theme: dark. Change to the system's")),
}


@cache
def first_asked_at() -> datetime:
    """Return when this process first asked for the scheduler: a console that just started is given time to tick."""
    return timezone.now()


@dataclass(frozen=True)
class Scheduler:
    """The dispatcher's sign of life; is_silent: none for 60 s, so nothing syncs by itself."""

    last_sign: datetime | None
    is_fresh: bool
    is_silent: bool

    @classmethod
    def now(cls) -> Scheduler:
        up_since = first_asked_at()  # also while the scheduler lives, or its silence would be told a minute too late
        last_sign = SystemJob.last_sign(SystemJob.DISPATCH)
        now = timezone.now()
        is_fresh = last_sign is not None and now - last_sign <= SILENT_AFTER
        if last_sign is not None:
            last_sign = min(last_sign, now)  # the clock of the scheduler's host may be ahead; nobody reads "in 7 s"
        return cls(last_sign, is_fresh, is_silent=not is_fresh and now - up_since > SILENT_AFTER)


@dataclass(frozen=True)
class Item:
    """One entry of the menu. current: the value of aria-current, "" elsewhere; badge: what needs a person."""

    label: str
    icon: str
    url: str
    current: str = ""
    badge: int = 0
    waits: int = 0  # for a decision; waits_more: there are more
    waits_more: bool = False
    is_apart: bool = False


class Frame:
    """Read lazily: a page asks the database only for what its template shows."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._user = request.user
        self.preference: UserPreference = getattr(request, "preference", None) or UserPreference()

    @cached_property
    def layout(self) -> str:
        """The template that pages for everyone (errors, preferences) extend."""
        is_inside = self._user.is_authenticated and not self.preference.must_change_password
        return "base.html" if is_inside else "people/plain.html"

    @cached_property
    def needs_you(self) -> int:
        """How many connections wait for a person."""
        if not self._user.is_authenticated:
            return 0
        held = Q(pk__in=DeleteBrake.objects.values("connection")) & ~Q(status=Connection.Status.INACTIVE)
        return Connection.objects.filter(Q(status=Connection.Status.ERROR) | held, deletion="").count()

    @cached_property
    def waiting(self) -> list[Waiting]:
        """What waits for a decision of this person, by kind."""
        return waiting_for(self._user)

    @cached_property
    def scheduler(self) -> Scheduler:
        return Scheduler.now()

    @cached_property
    def menu(self) -> list[Item]:
        path = self._request.path

        def item(label: str, icon: str, name: str, *also: str, **more: Any) -> Item:
            url = reverse(name)
            below = (url, *also) if url != "/" else also
            current = "page" if path == url else "true" if path.startswith(below) else ""
            return Item(label, icon, url, current, **more)

        items = []
        if self._user.has_perm("connections.view_connection"):
            items.append(item(_("Overview"), "layout-dashboard", "overview"))
            items.append(item(_("Connections"), "plug-connected", "connections", badge=self.needs_you))
        if self._user.has_perm("syncruns.view_syncrun"):
            items.append(item(_("Runs"), "history", "runs"))
        if self._user.has_perm(BROWSE_ROWS):
            items.append(item(_("Data"), "database", "data"))
        if self.waiting:
            count = sum(one.count for one in self.waiting)
            items.append(
                item(_("Review"), "clipboard-check", "review", waits=min(count, MOST), waits_more=count > MOST)
            )
        if self._user.has_perm("syncruns.view_document") and Document.objects.exists():
            items.append(item(_("Documents"), "receipt", "documents"))
        apart = len(items)
        if self._user.has_perm("syncruns.view_systemjob"):
            items.append(item(_("System"), "server-cog", "system"))
        if self._user.has_perm("connections.view_auditevent"):
            items.append(item(_("Audit"), "report-analytics", "audit"))
        items.append(item(_("Settings"), "settings", "preferences", "/settings/", "/users/", "/password/"))
        items[apart] = replace(items[apart], is_apart=apart > 0)
        return items

    @property
    def may_administer(self) -> bool:
        return bool(admin.site.has_permission(self._request))

    # The reader

    @property
    def theme(self) -> str:
        return self.preference.theme

    @property
    def next_theme(self) -> str:
        order = list(THEMES)
        return order[(order.index(self.theme) + 1) % len(order)]

    @property
    def theme_icon(self) -> str:
        return THEMES[self.theme][0]

    @property
    def theme_label(self) -> str:
        return str(THEMES[self.theme][1])

    @property
    def language(self) -> str:
        """The code of the language this page is in."""
        active = translation.get_language() or settings.LANGUAGE_CODE
        return active if active in SHORT_LANGUAGES else settings.LANGUAGE_CODE

    @property
    def language_short(self) -> str:
        return SHORT_LANGUAGES[self.language]

    @property
    def other_language(self) -> str:
        return next(code for code in SHORT_LANGUAGES if code != self.language)

    @property
    def language_label(self) -> str:
        return SWITCH_TO[self.other_language]

    @property
    def return_to(self) -> str:
        """Where a form in the frame leads back to: this page, or the overview when it cannot be read again."""
        return self._request.get_full_path() if self._request.method == "GET" else ""

    @property
    def name(self) -> str:
        full = self._user.get_full_name() if isinstance(self._user, User) else ""
        return full or self._user.get_username()

    @property
    def initials(self) -> str:
        words = self.name.split() or ["?"]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()

    @cached_property
    def role(self) -> str:
        if isinstance(self._user, User) and self._user.is_superuser:
            return _("Superuser")
        return str(LABELS.get(role_of(self._user), _("No role yet")))


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor."""
    return {"frame": Frame(request)}
