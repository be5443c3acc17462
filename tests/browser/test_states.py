"""Every page in every state: empty, long, failing, running, refused, with three hundred connections.

Everyday one of each is looked at, and the views (language, theme, width, zoom) take turns; `make test-long` looks at
every state in every view.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, product
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Watched
from tests.browser.layout import blemishes
from tests.browser.places import ADMIN, EMPTY, ENDED, FULL, NEWCOMER, REFUSED, ROLES, SENT, SIGNED_OUT
from tests.browser.seed import what_there_is
from tests.console import Console, console

PASSWORD = "only-for-the-states"  # noqa: S105


WHO = {"signed out": "", "viewer": "viewer", "operator": "operator", "newcomer": "newcomer"}  # others: "ana"
FIRST_ROWS = 5  # of a table that axe looks at everyday
NOTHING_THERE = "/documents/none/"
REFUSAL = "console: Failed to load resource: the server responded with a status of"
AS_IT_SHOULD_BE = tuple(f"{of}{status}" for of in ("", f"{REFUSAL} ") for status in (404, 422))  # of pages

# No worker runs the runs that are shown running, and none comes for the next slots: without its sign of life runs would
# be shown as lost, and after a quarter of an hour every connection as late, whatever state it was made for.
IN_FIVE_MINUTES = "strftime('%Y-%m-%d %H:%M:%f', 'now', '+5 minutes')"
AS_THEY_WERE_MADE = (
    f"UPDATE syncruns_syncrun SET lease_until = {IN_FIVE_MINUTES} WHERE state = 'running'",
    f"UPDATE connections_connection SET next_sync_at = {IN_FIVE_MINUTES} WHERE next_sync_at < {IN_FIVE_MINUTES}",
)


@dataclass(frozen=True)
class View:
    """How a page is looked at. scale: 2 is the zoom of 200 % of a window twice as wide."""

    locale: str
    scheme: str
    width: int
    height: int
    scale: int = 1


# Types values into fields, adds those that have none, such as a button's, and sends the form.
_SEND = """(form, typed) => {
  for (const [name, value] of Object.entries(typed)) {
    const field = form.elements.namedItem(name)?.matches?.("input:not([type=submit])") ? form.elements.namedItem(name)
      : form.appendChild(Object.assign(document.createElement("input"), {type: "hidden", name}));
    field.value = value;
  }
  HTMLFormElement.prototype.submit.call(form);
}"""
Places = dict[str, tuple[str, ...]]
LOCALES = ("pt-BR", "en")
SIZES = ((1440, 900, 1), (390, 844, 1), (768, 1024, 1), (720, 450, 2), (320, 256, 4))  # the last: 400 % of 1280
VIEWS = [View(locale, scheme, *size) for locale, scheme, size in product(LOCALES, ("light", "dark"), SIZES)]


class Looker:
    """A browser on one console, signed in or not, that takes any view without loading the page again."""

    def __init__(self, chromium: Browser, of: Console, name: str) -> None:
        self._context = chromium.new_context()
        self._watched = Watched(self._context, of.url)
        self._of, self._page = of, self._watched.page
        self._devtools = self._context.new_cdp_session(self._page)
        if name:
            self._watched.sign_in(name, PASSWORD)

    def close(self) -> None:
        self._context.close()

    def open(self, path: str, view: View, form: str = "", typed: Mapping[str, str] | None = None) -> None:
        """Load a page, and send a form of it unless "", with what is typed, without what browsers check before."""
        for statement in AS_THEY_WERE_MADE:
            self._of.change(statement)
        self._context.set_extra_http_headers({"Accept-Language": view.locale})
        self._take(view)
        answer = self._page.goto(self._of.url + path)
        assert answer is not None and (answer.ok or path.endswith(NOTHING_THERE)), f"{path}: {answer and answer.status}"
        if form:
            self.send(form, typed or {})

    def send(self, form: str, typed: Mapping[str, str]) -> None:
        """Send a form of the open page, with what is typed beside what stands in it."""
        with self._page.expect_navigation():
            self._page.locator(form).first.evaluate(_SEND, dict(typed))

    def has(self, selector: str) -> bool:
        return self._page.locator(selector).count() > 0

    def end_session(self) -> None:
        self._context.clear_cookies(name="sessionid")

    def faults(self, view: View, rows: int = 0, but: tuple[str, ...] = AS_IT_SHOULD_BE) -> list[str]:
        """Return what is wrong with the open page in a view, and what went wrong until now. rows: see blemishes."""
        self._take(view)
        wrong = [line for line in self._watched.wrong if not line.startswith(but)]
        self._watched.wrong.clear()
        where = self._page.url.removeprefix(self._of.url)
        return [f"{where} {view}: {line}" for line in blemishes(self._page, view.locale, rows) + wrong]

    def _take(self, view: View) -> None:
        metrics = {"width": view.width, "height": view.height, "deviceScaleFactor": view.scale, "mobile": False}
        self._devtools.send("Emulation.setDeviceMetricsOverride", metrics)
        self._page.emulate_media(color_scheme=view.scheme)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with _seeded(tmp_path_factory, "full") as one:
        yield one


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with _seeded(tmp_path_factory, "empty") as one:
        yield one


@contextmanager
def _seeded(factory: pytest.TempPathFactory, what: str) -> Iterator[Console]:
    """Yield a console that only answers: nothing in it syncs, so its states stay as they were made."""
    settings = {"DEBUG": "1", "TIME_ZONE": "America/Sao_Paulo", "EMAIL_URL": "smtp://127.0.0.1:9"}
    settings |= {"EMAIL_FROM": "sincro@example.com", "DJANGO_SETTINGS_MODULE": "tests.browser.states_settings"}
    with console(factory.mktemp(what) / "var", **settings) as one:
        done = one.python("-m", "tests.browser.seed", what, PASSWORD)
        assert done.returncode == 0, done.stderr
        one.start("runserver", "--noreload", f"127.0.0.1:{one.port}")
        yield one


def one_of_each(places: Places) -> Places:
    """Return each page in its most usual state; those that most states are seen on well and failed."""
    return {name: paths[: 2 if name in ("connection", "run") else 1] for name, paths in places.items()}


@pytest.fixture(scope="module")
def words(full: Console) -> dict[str, str]:
    return what_there_is(full)


def in_turn(looker: Looker, pages: Iterable[tuple[str, str]]) -> list[str]:
    """Look at each page in one view; return what is wrong. pages: path, and the form that is sent, if one is."""
    found = []
    for (path, form), view in zip(pages, cycle(VIEWS)):
        looker.open(path, view, form)
        found += looker.faults(view, FIRST_ROWS)
    return found


def in_all_views(
    looker: Looker, pages: Iterable[tuple[str, str]], locale: str, typed: Mapping[str, str] | None = None
) -> list[str]:
    views = [view for view in VIEWS if view.locale == locale]
    found = []
    for path, form in pages:
        looker.open(path, views[0], form, typed)
        found += [line for view in views for line in looker.faults(view)]
    return found


def expect_none(faults: list[str]) -> None:
    assert not faults, "\n".join(faults)


EVERYDAY = {
    "full": one_of_each(FULL),
    "empty": {"overview": ("/",)},
    "signed out": one_of_each(SIGNED_OUT),
    "admin": dict(list(one_of_each(ADMIN).items())[:4]),
}
ALL = {
    "full": FULL,
    "empty": EMPTY,
    "signed out": SIGNED_OUT,
    "admin": ADMIN,
    "viewer": ROLES,
    "operator": ROLES,
    "newcomer": NEWCOMER,
}


@pytest.fixture
def looker(request: pytest.FixtureRequest, chromium: Browser, state: str) -> Iterator[Looker]:
    of = request.getfixturevalue("empty" if state == "empty" else "full")
    looker = Looker(chromium, of, WHO.get(state, "ana"))
    yield looker
    looker.close()


def pages_of(request: pytest.FixtureRequest, places: Places) -> list[tuple[str, str]]:
    words: dict[str, str] = {} if request.node.callspec.params["state"] == "empty" else request.getfixturevalue("words")
    return [(path.format(**words), "") for paths in places.values() for path in paths]


@pytest.mark.parametrize("state", EVERYDAY)
def test_one_of_each_page_looks_right(looker: Looker, request: pytest.FixtureRequest, state: str) -> None:
    expect_none(in_turn(looker, pages_of(request, EVERYDAY[state])))


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", ALL)
def test_every_page_looks_right_in_every_state_and_view(
    looker: Looker, request: pytest.FixtureRequest, state: str, locale: str
) -> None:
    expect_none(in_all_views(looker, pages_of(request, ALL[state]), locale))


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", ["refused"])
def test_refused_forms_say_what_is_wrong_and_look_right(looker: Looker, words: dict[str, str], locale: str) -> None:
    pages = [(path.format(**words), form) for path, form in REFUSED.items()]
    expect_none(in_all_views(looker, pages, locale, {"save": "1"}))


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", ["sent"])
def test_pages_that_only_buttons_lead_to_look_right(looker: Looker, words: dict[str, str], locale: str) -> None:
    for path, (form, typed) in SENT.items():
        filled = {name: value.format(**words) for name, value in typed.items()}
        expect_none(in_all_views(looker, [(path.format(**words), form)], locale, filled))


@pytest.mark.long
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("state", ["ended"])
def test_form_sent_after_the_session_ended_looks_right_where_it_is_kept_and_where_it_is_offered_again(
    looker: Looker, locale: str
) -> None:
    path, form, typed = ENDED
    views = [view for view in VIEWS if view.locale == locale]
    looker.open(path, views[0])
    looker.end_session()
    looker.send(form, typed)
    found = [line for view in views for line in looker.faults(view, but=("403", f"{REFUSAL} 403"))]
    assert looker.has("main form input[name=resend]") and looker.has("main form input[name=password]")
    looker.send("main form", {"username": "ana", "password": PASSWORD})
    assert looker.has("main form[action='/profile/'] input[name=resend]")
    expect_none(found + [line for view in views for line in looker.faults(view)])


@pytest.mark.long
@pytest.mark.parametrize("state", ["failed"])
def test_card_of_every_error_looks_right(looker: Looker, full: Console) -> None:
    runs = full.query("SELECT min(id) FROM syncruns_syncrun WHERE error_code != '' GROUP BY error_code")
    expect_none(in_turn(looker, [(f"/runs/{UUID(run)}/", "") for (run,) in runs]))
