"""One connection's form: what was typed, what its buttons do, what is wrong, what a test found, and saving it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import QueryDict

from connections import services, trial
from connections.forms import entries, held, timing
from connections.forms.entries import Path, Values
from connections.models import Connection
from connections.sdk.connector import Connector
from connections.sdk.declare import Finding
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, Setting, SettingsInvalid, check_settings
from connections.sdk.text import gettext_noop as _

NAME = Setting(
    "name",
    _("Name"),
    required=True,
    pattern=r".{1,100}",
    pattern_help=_("Use at most 100 characters."),
    help=_("This is how the connection appears in lists and warnings."),
)
SLUG = Setting(
    "slug",
    _("Short name"),
    pattern=r"[a-z0-9]+(-[a-z0-9]+)*",
    pattern_help=_("Use small letters without accents, digits and single hyphens."),
    help=_("Used in addresses and on the command line. Left empty, it is made from the name."),
)


class ConnectionForm:
    """The form to create a connection of a kind, or to change one.

    data: what was posted; without it the form shows the defaults, or the connection as it is stored.
    """

    def __init__(
        self,
        connector: type[Connector],
        user: User | AnonymousUser,
        *,
        connection: Connection | None = None,
        data: QueryDict | None = None,
    ) -> None:
        self.connector = connector
        self.user = user
        self.connection = connection
        self.about = (NAME,) if connection else (NAME, SLUG)
        self.problems: dict[Path, list[Invalid]] = {}
        self.report: trial.Report | None = None
        self.sample_error: SyncError | None = None
        self.sample_notes: list[Finding] = []
        self.columns_not_met: list[str] = []  # there already, and not in the sample: perhaps of an earlier, wrong one
        self.focus: Path = ()
        self.secrets: dict[str, str] = {}
        self.has_expired = False
        if data is not None:
            self._read(data)
        elif connection is not None:
            self._load(connection)
        else:
            self._start()

    # Where the values come from

    def _start(self) -> None:
        self.values: dict[str, Values] = {
            "about": entries.blank(self.about),
            "config": entries.blank(self.connector.settings),
            "schedule": timing.typed(services.default_schedule(self.connector.kind)),
        }
        self.auto_sync = True
        self.focus = ("about", "name")

    def _load(self, connection: Connection) -> None:
        schedule = {name: getattr(connection, name) for name in services.SCHEDULE_FIELDS}
        self.values = {
            "about": {"name": connection.name},
            "config": entries.shown(self.connector.settings, connection.config),
            "schedule": timing.typed(schedule),
        }
        self.auto_sync = connection.auto_sync

    def _read(self, data: QueryDict) -> None:
        config = entries.posted(self.connector.settings, data, ("config",))
        typed = {setting.name: config.pop(setting.name) for setting in self.connector.settings if setting.is_secret}
        earlier = held.recover(self.user, data.get("held", ""))
        self.has_expired = earlier is None
        self.secrets = {
            name: value for name in typed if (value := typed[name].strip("\r\n") or (earlier or {}).get(name, ""))
        }
        self.values = {
            "about": entries.posted(self.about, data, ("about",)),
            "config": config,
            "schedule": entries.posted(timing.ALL, data, ("schedule",)),
        }
        self.auto_sync = "auto_sync" in data

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

        Says whether a sample could be read; else problems or sample_error hold why. What it shows of the settings
        beside the columns, such as where the records are, is filled in; notes tell of it.
        """
        found = entries.find_list(self.connector.settings, self.values["config"], path)
        if found is None or len(path) != 3 or found[0].type != "columns":
            return False
        name, row = str(path[0]), int(path[1])
        self.focus = ("config", *path)
        asked = self._sample_settings(name, row)
        if asked is None:
            return False
        config, secrets = asked
        try:
            sample = trial.read_sample(self.connector.kind, config, secrets, name, 0)
        except SyncError as error:
            self.sample_error = error
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

    def check(self) -> bool:
        """Find every problem at once; True when there is none."""
        config = self.values["config"] = entries.without_blank_columns(self.connector.settings, self.values["config"])
        self._check_part("about", self.about)
        schedule = self._check_part("schedule", timing.ALL)
        if schedule is not None:
            try:
                timing.next_times(timing.as_service_takes_it(schedule))
            except SyncError as error:
                self._note("schedule", [timing.problem(error)])
        try:
            if self.connection is None:
                self.checked = services.check_values(self.connector.kind, {**config, **self.secrets})
            else:
                self.checked = services.checked_change(self.connection, {**config, **self.secrets})
        except SettingsInvalid as invalid:
            self._note("config", invalid.problems)
        return not self.problems

    def test(self) -> bool:
        """Ask the source, with checked values; True when everything it says is fine."""
        self.report = trial.try_connection(self.connector.kind, self.checked.config, self.checked.secrets)
        return self.report.ok

    def save(self, *, auto_sync: bool) -> Connection | None:
        """Store the connection; None when a problem turned up only now, such as a short name just taken."""
        about = self.values["about"]
        values = {**self.values["config"], **self.secrets}
        schedule = timing.as_service_takes_it(check_settings(timing.ALL, self.values["schedule"]))
        try:
            if self.connection is None:
                return services.create_connection(
                    kind=self.connector.kind,
                    name=about["name"],
                    slug=about["slug"].strip(),
                    values=values,
                    schedule=schedule,
                    auto_sync=auto_sync,
                    user=self.user,
                )
            connection = services.update_connection(
                self.connection, name=about["name"], values=values, schedule=schedule, user=self.user
            )
            return services.set_auto_sync(connection, auto_sync, user=self.user)
        except SettingsInvalid as invalid:
            names = {setting.name for setting in self.connector.settings}
            for problem in invalid.problems:
                self._note("config" if problem.path[0] in names else "about", [problem])
        except SyncError as error:
            self._note("schedule", [timing.problem(error)])
        return None

    def _check_part(self, part: str, settings: Sequence[Setting]) -> dict[str, Any] | None:
        try:
            return check_settings(settings, self.values[part])
        except SettingsInvalid as invalid:
            self._note(part, invalid.problems)
            return None

    def _note(self, part: str, problems: Sequence[Invalid]) -> None:
        for problem in problems:
            self.problems.setdefault((part, *problem.path), []).append(problem)

    def _sample_settings(self, name: str, row: int) -> tuple[dict[str, Any], dict[str, str]] | None:
        """Config and secrets to read a sample with: this entry alone, its columns still unknown."""
        settings = entries.without_columns(self.connector.settings)
        wanted = {setting.name for setting in settings if setting.type == "rows"}
        config = self.values["config"]
        entry = config[name][row]
        inside = next(setting for setting in settings if setting.name == name).fields
        values = {
            **{other: value for other, value in config.items() if other not in wanted},
            **self.secrets,
            name: [{field.name: entry[field.name] for field in inside}],
        }
        stored = self.stored_secrets()
        try:
            checked = check_settings(
                [setting for setting in settings if setting.name == name or setting.name not in wanted],
                values,
                stored_secrets=list(stored),
            )
        except SettingsInvalid as invalid:
            for problem in invalid.problems:
                is_inside = problem.path[:2] == (name, 0)
                where = (name, row, *problem.path[2:]) if is_inside else problem.path
                self._note("config", [Invalid(where, problem.text, problem.params)])
            return None
        secret_names = {setting.name for setting in settings if setting.is_secret}
        secrets = {**stored, **{secret: checked[secret] for secret in secret_names if secret in checked}}
        return {other: value for other, value in checked.items() if other not in secret_names}, secrets

    def stored_secrets(self) -> dict[str, str]:
        """Return the stored secrets that what was typed leaves in force."""
        return services.kept_secrets(self.connection, self.values["config"]) if self.connection else {}
