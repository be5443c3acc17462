"""The form made from a connector's settings: typing, adding, testing, saving, without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections import connectors
from connections.models import Connection
from connections.sdk.declare import Finding, Sample
from connections.sdk.errors import SyncError
from tests.web.every_setting import EverySetting
from tests.web.forms_page import FormPage

NEW = "/connections/new/every/"
COLUMN = {"path": "id", "name": "id", "type": "integer", "key": True}


@pytest.fixture(autouse=True)
def every(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[EverySetting]]:
    monkeypatch.setattr(connectors, "REGISTRY", (*connectors.REGISTRY, EverySetting))
    EverySetting.asked, EverySetting.findings, EverySetting.error = [], [Finding("Server", "ok")], None
    EverySetting.sample = Sample([])
    yield EverySetting


@pytest.fixture
def browser(administrator: User, signed_in: Callable[[User], Client]) -> Client:
    client = signed_in(administrator)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def filled(client: Client) -> FormPage:
    """A new form with one stream, ready to be saved."""
    page = FormPage(client, NEW).fill(about__name="Box", config__address="https://box.example")
    page.press("add:streams:0:columns")
    return page.fill(
        config__streams__0__name="things", config__streams__0__columns__0__path="id",
        config__streams__0__columns__0__name="id", config__streams__0__columns__0__key="on",
    )  # fmt: skip


def test_every_kind_is_offered(browser: Client) -> None:
    page = browser.get("/connections/new/").content.decode()
    assert "Every setting" in page
    assert f'href="{NEW}"' in page


def test_unknown_kind_is_not_found(browser: Client) -> None:
    assert browser.get("/connections/new/nothing/").status_code == 404


def test_new_form_starts_with_defaults_one_entry_and_focus_on_the_name(browser: Client) -> None:
    page = FormPage(browser, NEW)
    assert page.values["config:limit"] == "10"
    assert page.values["config:auth"] == "none"
    assert page.count("config:streams") == 1
    assert page.values["schedule:rhythm"] == "30"
    assert page.values["auto_sync"] == "on"
    assert page.focused == ["about:name"]


def test_every_type_of_setting_is_stored(browser: Client) -> None:
    page = filled(browser).fill(
        config__auth="basic", config__user="ana", config__password="s3cret", config__limit="20", config__strict="on",
        config__regions="north\n\nsouth", config__remark="two\nlines", config__streams__0__full="on",
    )  # fmt: skip
    page.press("save")
    connection = Connection.objects.get()
    assert page.response.status_code == 302
    assert connection.slug == "box"
    assert connection.auto_sync
    assert connection.secrets.reveal() == {"password": "s3cret"}
    assert connection.config == {
        "address": "https://box.example", "auth": "basic", "user": "ana", "code": "", "limit": 20, "strict": True,
        "regions": ["north", "south"], "remark": "two\nlines",
        "streams": [{"name": "things", "full": True, "columns": [{**COLUMN, "type": "text", "personal": False}]}],
    }  # fmt: skip


def test_every_error_is_said_beside_its_field_and_what_was_typed_stays(browser: Client) -> None:
    page = FormPage(browser, NEW).fill(
        about__name="", config__address="", config__code="a b", config__limit="99", config__remark="kept",
        config__streams__0__name="UP",
    )  # fmt: skip
    page.press("save")
    assert page.invalid == ["about:name", "config:address", "config:code", "config:limit", "config:streams:0:name"]
    assert "6 fields need correction." in page.html  # the columns are missing too
    assert page.focused == ["about:name"]
    assert "“a b” has a space." in page.html
    assert "Small letters only." in page.html
    assert page.controls["config:code"]["aria-describedby"] == "config-code-error"
    assert 'id="config-code-error"' in page.html
    assert page.values["config:limit"] == "99"
    assert page.values["config:remark"] == "kept"
    assert not Connection.objects.exists()
    assert not EverySetting.asked


def test_one_error_is_counted_in_the_singular(browser: Client) -> None:
    page = filled(browser).fill(config__address="").press("save")
    assert "1 field needs correction." in page.html
    assert page.focused == ["config:address"]


def test_error_inside_a_column_stands_at_that_column(browser: Client) -> None:
    page = filled(browser).press("add:streams:0:columns")
    page.fill(config__streams__0__columns__1__path="price", config__streams__0__columns__1__name="Preço").press("save")
    assert page.invalid == ["config:streams:0:columns:1:name"]


def test_entries_are_added_and_removed_without_losing_anything(browser: Client) -> None:
    page = filled(browser).press("add:streams")
    assert page.count("config:streams") == 2
    assert page.focused == ["config:streams:1:name"]
    page.fill(config__streams__1__name="others").press("remove:streams:0")
    assert page.count("config:streams") == 1
    assert page.values["config:streams:0:name"] == "others"
    assert page.values["about:name"] == "Box"
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "button", ["add:nothing", "remove:streams:9", "remove:streams", "suggest:streams", "add:limit"]
)
def test_button_that_the_form_does_not_have_changes_nothing(browser: Client, button: str) -> None:
    page = filled(browser)
    answer = browser.post(NEW, {**page.values, button: "1"})
    assert answer.status_code == 200
    html = answer.content.decode()
    assert 'name="config:streams:0:name"' in html
    assert 'name="config:streams:1:name"' not in html


def test_columns_left_blank_are_dropped(browser: Client) -> None:
    filled(browser).press("add:streams:0:columns").press("save")
    assert len(Connection.objects.get().config["streams"][0]["columns"]) == 1


def test_sample_fills_the_columns_and_keeps_those_already_there(browser: Client) -> None:
    price = {"path": "price", "name": "price", "type": "decimal", "precision": 12, "scale": 2}
    EverySetting.sample = Sample([COLUMN, price])
    page = filled(browser).fill(config__streams__0__columns__0__name="number").press("suggest:streams:0:columns")
    assert page.count("config:streams:0:columns") == 2
    assert page.values["config:streams:0:columns:0:name"] == "number"
    assert page.values["config:streams:0:columns:1:type"] == "decimal"
    assert page.values["config:streams:0:columns:1:scale"] == "2"


def test_sample_fills_in_what_it_shows_of_the_other_fields_and_says_so(browser: Client) -> None:
    note = Finding("", "ok", "Found as “%(name)s”.", {"name": "<found>"})
    EverySetting.sample = Sample(
        [{**COLUMN, "path": "cpf", "name": "cpf", "personal": True}], {"name": "found"}, [note]
    )
    page = filled(browser).press("suggest:streams:0:columns")
    assert page.values["config:streams:0:name"] == "found"
    assert page.values["config:streams:0:columns:1:personal"] == "on"
    assert "Found as “&lt;found&gt;”." in page.html
    assert "Not in this sample: id." in page.html
    page.press("replace:streams:0:columns").press("save")
    (column,) = Connection.objects.get().config["streams"][0]["columns"]
    assert (column["path"], column["personal"]) == ("cpf", True)


def test_sample_is_read_for_one_stream_even_while_another_is_half_typed(browser: Client) -> None:
    EverySetting.sample = Sample([COLUMN])
    page = filled(browser).press("add:streams").press("remove:streams:0").press("add:streams")
    page.fill(config__streams__1__name="second").press("suggest:streams:1:columns")
    assert page.count("config:streams:1:columns") == 1
    config, _secrets = EverySetting.asked[-1]
    assert config["streams"] == [{"name": "second", "full": False}]


def test_sample_asks_for_what_it_needs(browser: Client) -> None:
    page = FormPage(browser, NEW).press("suggest:streams:0:columns")
    assert page.invalid == ["config:address", "config:streams:0:name"]


def test_sample_that_fails_is_explained_at_the_columns(browser: Client) -> None:
    EverySetting.error = SyncError("connection_failed", host="box.example", reason="refused")
    page = filled(browser).press("suggest:streams:0:columns")
    assert "box.example" in page.html.split('id="config-streams-0-columns-title"')[1]
    assert page.values["config:streams:0:columns:0:path"] == "id"


def test_failed_test_saves_nothing_and_shows_what_it_found(browser: Client) -> None:
    EverySetting.findings = [
        Finding("Server", "ok", "answered in %(ms)s ms", {"ms": 12}),
        Finding("Database", "failed", "“%(name)s” is not there", {"name": "leste"}),
        Finding("Key", "not_checked", "only after the database"),
    ]
    page = filled(browser).press("save")
    assert "Did not pass" in page.html
    assert "answered in 12 ms" in page.html
    assert "“leste” is not there" in page.html
    assert page.values["about:name"] == "Box"
    assert not Connection.objects.exists()


def test_test_that_cannot_even_ask_is_explained(browser: Client) -> None:
    EverySetting.error = SyncError("timeout", host="box.example", detail="no byte for 60 s")
    page = filled(browser).press("test")
    assert "Did not pass" in page.html
    assert "<code>timeout</code>" in page.html
    assert "no byte for 60 s" in page.html


def test_testing_alone_saves_nothing(browser: Client) -> None:
    page = filled(browser).press("test")
    assert "Passed" in page.html
    assert not Connection.objects.exists()


def test_saving_switched_off_does_not_test(browser: Client) -> None:
    EverySetting.error = SyncError("timeout", host="box.example")
    page = filled(browser).press("save_off")
    assert page.response.status_code == 302
    assert not EverySetting.asked
    assert not Connection.objects.get().auto_sync


def test_enter_in_a_field_presses_test_and_save(browser: Client) -> None:
    assert FormPage(browser, NEW).buttons[0] == "save"


def test_taken_short_name_is_said_beside_it(browser: Client, make_connection: Callable[..., Connection]) -> None:
    make_connection(slug="box")
    page = filled(browser).fill(about__slug="box").press("save")
    assert page.invalid == ["about:slug"]


def test_long_texts_are_kept_or_refused_with_a_sentence(browser: Client) -> None:
    page = filled(browser).fill(about__name="x" * 101, config__remark="word " * 2000).press("save")
    assert page.invalid == ["about:name"]
    assert page.values["config:remark"] == "word " * 2000
    page.fill(about__name="Box").press("save")
    assert len(Connection.objects.get().config["remark"]) == 9999


def test_form_with_thousands_of_values_is_accepted(browser: Client) -> None:
    page = filled(browser)
    columns = {
        f"config:streams:0:columns:{number}:{name}": value
        for number in range(400)
        for name, value in {
            "path": f"f{number}",
            "name": f"f{number}",
            "type": "text",
            "scale": "",
            "key": "on",
        }.items()
    }
    page.values |= columns
    page.press("save_off")
    assert len(Connection.objects.get().config["streams"][0]["columns"]) == 400


def test_htmx_gets_the_form_alone(browser: Client) -> None:
    page = FormPage(browser, NEW)
    answer = browser.post(NEW, {**page.values, "add:streams": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert answer.lstrip().startswith("<form")
    assert 'hx-swap-oob="true"' in answer


def test_edit_shows_what_is_stored_and_saves_changes(browser: Client) -> None:
    page = filled(browser).fill(config__regions="north\nsouth")
    page.fill(schedule__rhythm="cron", schedule__cron="0 6 * * 1-5").press("save")
    page = FormPage(browser, "/connections/box/settings/")
    assert page.values["config:regions"] == "north\nsouth"
    assert page.values["schedule:cron"] == "0 6 * * 1-5"
    assert page.values["config:streams:0:columns:0:key"] == "on"
    page.fill(about__name="Crate", schedule__rhythm="daily", schedule__daily_at="06:30", auto_sync=None).press("save")
    connection = Connection.objects.get()
    assert connection.name == "Crate"
    assert connection.schedule_kind == "daily"
    assert not connection.auto_sync


def test_changed_key_of_loaded_rows_is_refused(browser: Client) -> None:
    filled(browser).press("save")
    Connection.objects.update(first_loaded_at="2026-01-01T00:00:00Z")
    page = FormPage(browser, "/connections/box/settings/").press("add:streams:0:columns")
    page.fill(
        config__streams__0__columns__0__key=None, config__streams__0__columns__1__path="sku",
        config__streams__0__columns__1__name="sku", config__streams__0__columns__1__key="on",
    ).press("save")  # fmt: skip
    assert "cannot change once rows are loaded" in page.html


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"rhythm": "cron", "cron": "0 0 31 2 *"}, "cron", "No date ever matches"),
        ({"rhythm": "cron", "cron": "every day"}, "cron", "Write five parts"),
        ({"rhythm": "cron", "cron": "0 0 1 1 * *"}, "cron", "Write five parts"),
        ({"rhythm": "cron", "cron": ""}, "cron", "This field is required."),
        ({"rhythm": "daily", "daily_at": "25:00"}, "daily_at", "Write a time of day"),
        ({"rhythm": "other", "interval_minutes": "0"}, "interval_minutes", "The smallest value accepted is 1."),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "There is no time zone called Mars/Olympus."),
        ({"time_zone": "../../etc/passwd"}, "time_zone", "There is no time zone called"),
        ({"jitter_seconds": "99999"}, "jitter_seconds", "The largest value accepted"),
        ({"quiet_hours": "at night"}, "quiet_hours", "Write two times of day"),
        ({"quiet_hours": "06:00-06:00"}, "quiet_hours", "Write two times of day"),
        ({"rhythm": "daily", "daily_at": "3:00", "quiet_hours": "22:00-6:00"}, "quiet_hours", "would never sync"),
    ],
)
def test_impossible_schedule_is_said_beside_its_field(
    browser: Client, typed: dict[str, str], field: str, sentence: str
) -> None:
    page = filled(browser)
    page.values |= {f"schedule:{name}": value for name, value in typed.items()}
    page.press("save")
    assert page.invalid == [f"schedule:{field}"]
    assert sentence in page.html
    assert not Connection.objects.exists()


def test_quiet_hours_are_kept_as_typed_and_said_on_the_schedule(browser: Client) -> None:
    filled(browser).fill(schedule__quiet_hours="22:00 – 6:00").press("save")
    assert Connection.objects.get().quiet_hours == "22:00-06:00"
    assert "from 22:00 to 06:00" in browser.get("/connections/box/schedule/").content.decode()


def test_preview_shows_the_next_five_times(browser: Client) -> None:
    answer = browser.get("/schedule-preview/", {"schedule:rhythm": "daily", "schedule:daily_at": "06:30"})
    assert answer.content.decode().count("<time") == 5


def test_preview_says_that_a_schedule_never_fires(browser: Client) -> None:
    answer = browser.get("/schedule-preview/", {"schedule:rhythm": "cron", "schedule:cron": "0 0 31 2 *"})
    assert "No date ever matches" in answer.content.decode()


def test_preview_is_silent_while_a_time_is_half_typed(browser: Client) -> None:
    answer = browser.get("/schedule-preview/", {"schedule:rhythm": "daily", "schedule:daily_at": "06:"})
    assert answer.status_code == 200
    assert "<time" not in answer.content.decode()
