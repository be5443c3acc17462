"""One connection's form: what was typed, what its buttons do, what is wrong, what the source said, and saving it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from connections import services, tags, trial
from connections.defaults import Environment, Given, environment_of, fixed_streams, window_settings
from connections.forms import asking, beginning, entries, held, offers, timing
from connections.forms.about import DESCRIPTION, NAME, SLUG, TAGS
from connections.forms.entries import Path, Values
from connections.forms.fields import words
from connections.mixing import other_identity
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.declare import Finding
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, Setting, SettingsInvalid, check_settings
from connections.sdk.text import gettext_noop as _

CREDENTIALS = "credentials"  # in an address: whichever secret the connection signs in with
SCHEDULE = "schedule"  # in an address: when it syncs


class ConnectionForm:
    """The form to create a connection of a kind, or to change one.

    data: what was posted; without it the form shows the defaults, or the connection as it is stored.
    like: another connection of the kind, whose settings a new one begins with; its secrets stay its own.
    """

    def __init__(
        self,
        connector: type[Connector],
        user: User | AnonymousUser,
        *,
        connection: Connection | None = None,
        like: Connection | None = None,
        data: QueryDict | None = None,
    ) -> None:
        self.connector = connector
        self.user = user
        self.connection = connection
        self.like = like
        self.about = (NAME, TAGS, DESCRIPTION) if connection else (NAME, TAGS, DESCRIPTION, SLUG)
        self.problems: dict[Path, list[Invalid]] = {}
        self.report: trial.Report | None = None
        self.asking_error: SyncError | None = None  # about the setting at focus
        self.offers: offers.Offers = {}
        self.sample_notes: list[Finding] = []
        self.columns_not_met: list[str] = []  # there already, and not in the sample: perhaps of an earlier, wrong one
        self.focus: Path = ()
        self.secrets: dict[str, str] = {}
        self.has_expired = False
        self.starts_over = data is not None and "start_over" in data
        self.settings: dict[str, tuple[Setting, ...]] = {
            "about": self.about,
            "config": connector.settings,
            "schedule": timing.ALL,
        }
        self.environment = Environment()
        if connection is None:
            self.environment = environment_of(connector)
            streams = fixed_streams(connector)
            may_begin = not streams or any(stream.can_begin_at for stream in streams)
            self.settings |= {
                "windows": window_settings(connector),
                "first": beginning.FIRST if may_begin else (),
            }
        if data is not None:
            self._read(data)
        elif connection is not None:
            self._load(connection)
        else:
            self._start()
            if like is not None:
                self._copy(like)

    # Where the values come from

    def _start(self) -> None:
        self.values: dict[str, Values] = {part: entries.blank(settings) for part, settings in self.settings.items()} | {
            "schedule": timing.typed(services.default_schedule(self.connector.kind))
        }
        for path, given in self.given().items():
            if given.problem is None:
                self.values[str(path[0])] |= self.as_shown(path, given)
            else:
                why = {"variable": given.variable, "problem": words(given.problem.text, given.problem.params)}
                text = _("%(variable)s in the environment cannot be used. %(problem)s")
                self._note(str(path[0]), [Invalid(path[1:], text, why)])
        self.auto_sync = True
        self.focus = ("about", "name")

    def _load(self, connection: Connection) -> None:
        self.values = {"about": {"name": connection.name, **_said_of(connection)}, **self._stored(connection)}
        self.auto_sync = connection.auto_sync

    def _copy(self, like: Connection) -> None:
        self.values |= self._stored(like)
        name = gettext("%(name)s (copy)") % {"name": like.name}
        self.values["about"] |= {"name": name[:100], **_said_of(like)}
        looks_back = {one.stream: one.window_minutes for one in like.stream_settings.all() if one.window_minutes}
        self.values["windows"] |= {
            stream: str(minutes) for stream, minutes in looks_back.items() if stream in self.values["windows"]
        }

    def _stored(self, connection: Connection) -> dict[str, Values]:
        schedule = {name: getattr(connection, name) for name in services.SCHEDULE_FIELDS}
        return {
            "config": entries.shown(self.connector.settings, connection.config),
            "schedule": timing.typed(schedule),
        }

    def _read(self, data: QueryDict) -> None:
        config = entries.posted(self.connector.settings, data, ("config",))
        typed = {setting.name: config.pop(setting.name) for setting in self.connector.settings if setting.is_secret}
        earlier = held.recover(self.user, data.get("held", ""))
        self.has_expired = earlier is None
        self.secrets = {
            name: value for name in typed if (value := typed[name].strip("\r\n") or (earlier or {}).get(name, ""))
        }
        self.values = {part: entries.posted(settings, data, (part,)) for part, settings in self.settings.items()}
        self.values["config"] = config
        self.offers = offers.posted(self.connector.settings, data)
        self.auto_sync = "auto_sync" in data

    def take_over(self, data: QueryDict) -> None:
        """Go on, in a copy, with the access that was typed into the form of the connection it is copied from."""
        begun = {part: values for part, values in self.values.items() if part != "config"}
        self._read(data)
        self.values |= begun

    def focus_on(self, name: str) -> None:
        """Put the cursor into what somebody came to change: a setting, the secret that counts, the schedule."""
        config = self.values["config"]
        wanted = next(
            (
                one
                for one in self.connector.settings
                if one.name == name or (name == CREDENTIALS and one.is_secret and one.counts(config))
            ),
            None,
        )
        if wanted is not None:
            self.focus = ("config", wanted.name)
        elif name == SCHEDULE:
            self.focus = (SCHEDULE, timing.ALL[0].name)

    # What the buttons do

    def add(self, path: Path) -> None:
        """Append an empty entry to the list at path."""
        found = entries.find_list(self.connector.settings, self.values["config"], path)
        if found is None:
            return
        setting, given = found
        inside = entries.fields_of(setting)
        given.append(entries.blank(inside))
        self.focus = ("config", *path, len(given) - 1, inside[0].name)

    def remove(self, path: Path) -> None:
        """Take the entry at path out of its list."""
        found = entries.find_list(self.connector.settings, self.values["config"], path[:-1])
        if found is None or not isinstance(path[-1], int) or path[-1] >= len(found[1]):
            return
        del found[1][path[-1]]
        self.focus = ("config", *path[:-1])

    def suggest(self, path: Path, *, anew: bool = False) -> bool:
        """Add to the columns at path those that a live sample shows; what was typed stays, or goes if anew.

        Says whether a sample could be read; else problems or asking_error hold why. What it shows of the settings
        beside the columns, such as where the records are, is filled in; notes tell of it.
        """
        found = entries.find_list(self.connector.settings, self.values["config"], path)
        if found is None or len(path) != 3 or found[0].type != "columns":
            return False
        name, row = str(path[0]), int(path[1])
        self.focus = ("config", *path)
        config, stored = self.values["config"], self.stored_secrets()
        sample = None
        with self._asking():
            asked = asking.for_sample(self.connector.settings, name, row, config, self.secrets, stored)
            sample = trial.read_sample(self.connector.kind, *asked, name, 0)
        if sample is None:
            return False
        given = entries.without_blank_columns((found[0],), {found[0].name: found[1]})[found[0].name]
        known = {column["path"] for column in given}
        fresh = [column for column in sample.columns if column["path"] not in known]
        if anew and sample.columns:
            given, known, fresh = [], set(), list(sample.columns)
        found[1][:] = given + [entries.shown(entries.COLUMN_FIELDS, column) for column in fresh]
        self.values["config"][name][row].update({key: str(value) for key, value in sample.beside.items()})
        self.sample_notes = list(sample.notes)
        self.columns_not_met = sorted(known - {column["path"] for column in sample.columns}) if sample.columns else []
        return True

    def offer(self, path: Path) -> bool:
        """Ask the source what it offers for the setting at path; what was typed stays.

        Says whether it answered; else problems or asking_error hold why.
        """
        setting = next((one for one in self.connector.settings if (one.name,) == path and one.offered_from), None)
        if setting is None:
            return False
        self.focus = ("config", *path)
        config, stored = self.values["config"], self.stored_secrets()
        found = None
        with self._asking():
            asked = asking.for_offer(self.connector.settings, setting, config, self.secrets, stored)
            found = trial.offered_choices(self.connector.kind, *asked, setting.name)
        if found is None:
            return False
        self.offers[setting.name] = found
        if len(found) == 1 and not config[setting.name].strip():
            config[setting.name] = found[0][0]
        return True

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Keep why the source could not be asked, beside the fields or as its error."""
        try:
            yield
        except SettingsInvalid as invalid:
            self._note("config", invalid.problems)
        except SyncError as error:
            self.asking_error = error

    @property
    def other_identity(self) -> list[Setting]:
        """Return the settings by which what was typed names another source than that of the stored rows."""
        if self.connection is None or not self.connection.is_tied:
            return []
        return other_identity(self.connection, self.connector, {**self.connection.config, **self.values["config"]})

    def check(self, *, saves: bool = True) -> bool:
        """Find every problem at once; True when there is none. saves=False: of what stands in the form by itself."""
        config = self.values["config"] = entries.without_blank_columns(self.connector.settings, self.values["config"])
        for part in ("about", "windows", "first"):
            self._check_part(part)
        schedule = self._check_part("schedule")
        if schedule is not None:
            try:
                timing.next_times(timing.as_service_takes_it(schedule))
            except SyncError as error:
                self._note("schedule", [timing.problem(error)])
        try:
            if self.connection is None:
                self.checked = services.check_values(self.connector.kind, self._given_values())
            else:
                given, may_turn = {**config, **self.secrets}, self.starts_over or not saves
                self.checked = services.checked_change(self.connection, given, start_over=may_turn)
            self._check_endings()
        except SettingsInvalid as invalid:
            self._note("config", invalid.problems)
        return not self.problems

    def _check_endings(self) -> None:
        """Refuse the old end date of a secret that is being replaced."""
        today = timezone.localdate().isoformat()
        for setting in self.connector.settings:
            if setting.expires in self.secrets and "" < self.checked.config.get(setting.name, "") < today:
                text = _("This date has passed. Enter when the new one ends, or leave it empty.")
                self._note("config", [Invalid((setting.name,), text)])

    def test(self) -> bool:
        """Ask the source, with checked values; True when everything it says is fine."""
        self.report = trial.try_connection(self.connector.kind, self.checked.config, self.checked.secrets)
        return self.report.ok

    def save(self, *, auto_sync: bool) -> Connection | None:
        """Store the connection; None when a problem turned up only now, such as a short name just taken."""
        about = self.values["about"]
        values = self._given_values()
        schedule = timing.as_service_takes_it(check_settings(timing.ALL, self.values["schedule"]))
        try:
            if self.connection is None:
                return services.create_connection(
                    kind=self.connector.kind,
                    name=about["name"],
                    description=about["description"],
                    tags=tags.split(about["tags"]),
                    like=self.like,
                    slug=about["slug"].strip(),
                    values=values,
                    schedule=schedule,
                    auto_sync=auto_sync,
                    windows=check_settings(self.settings["windows"], self.values["windows"]),
                    first_since=self._first_since(schedule["time_zone"]),
                    user=self.user,
                )
            connection = services.update_connection(
                self.connection,
                name=about["name"],
                description=about["description"],
                tags=tags.split(about["tags"]),
                values=values,
                schedule=schedule,
                start_over=self.starts_over,
                user=self.user,
            )
            return services.set_auto_sync(connection, auto_sync, user=self.user)
        except SettingsInvalid as invalid:
            names = {setting.name for setting in self.connector.settings}
            for problem in invalid.problems:
                self._note("config" if problem.path[0] in names else "about", [problem])
        except SyncError as error:
            self._note("schedule", [timing.problem(error)])
        return None

    def _given_values(self) -> dict[str, Any]:
        """Return settings and secrets as services take them; a new connection's may come from the environment."""
        given = self.stored_secrets() if self.connection is None else {}
        return {**given, **self.values["config"], **self.secrets}

    def _first_since(self, time_zone: str) -> datetime | None:
        settings = self.settings["first"]
        return beginning.first_since(check_settings(settings, self.values["first"]), time_zone) if settings else None

    def _check_part(self, part: str) -> dict[str, Any] | None:
        try:
            return check_settings(self.settings.get(part, ()), self.values.get(part, {}))
        except SettingsInvalid as invalid:
            self._note(part, invalid.problems)
            return None

    def _note(self, part: str, problems: Sequence[Invalid]) -> None:
        for problem in problems:
            self.problems.setdefault((part, *problem.path), []).append(problem)

    def stored_secrets(self) -> dict[str, str]:
        """Return the secrets, stored or of the environment, that what was typed leaves in force."""
        if self.connection is None:
            return self.environment.secrets(self.connector, self.values["config"])
        return services.kept_secrets(self.connection, self.values["config"])

    # What the environment gives

    def given(self) -> dict[Path, Given]:
        """Return what the environment says of the form's fields, secrets left out."""
        secrets = {one.name for one in self.connector.settings if one.is_secret}
        found: dict[Path, Given] = {
            ("config", name): given for name, given in self.environment.settings.items() if name not in secrets
        }
        found |= {("windows", stream): given for stream, given in self.environment.windows.items()}
        if self.environment.every is not None:
            found["schedule", "rhythm"] = self.environment.every
        return found

    def as_shown(self, path: Path, given: Given) -> Values:
        """Return the form's values, of the part that path begins with, for what the environment gives."""
        part, name = str(path[0]), str(path[1])
        if part == "schedule":
            typed = timing.typed({"interval_minutes": given.value})
            return {field: typed[field] for field in ("rhythm", "interval_minutes")}
        return entries.shown([one for one in self.settings[part] if one.name == name], {name: given.value})


def _said_of(connection: Connection) -> Values:
    """What was said of a connection, as a person types it."""
    return {"tags": tags.written(connection.tags), "description": connection.description}
