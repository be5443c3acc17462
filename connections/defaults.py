"""What new connections start with: their connector's own defaults, or what variables of the environment say instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connections.models.connection import LONGEST_INTERVAL
from connections.sdk.connector import Connector
from connections.sdk.declare import Step, Stream
from connections.sdk.errors import SyncError
from connections.sdk.settings import Invalid, Setting, SettingsInvalid, check_settings, whole
from connections.sdk.text import gettext_noop as _

LONGEST_WINDOW = 60 * 24 * 366 * 5  # minutes
MINUTES_PER_DAY = 60 * 24
LISTS = ("rows", "columns")


@dataclass(frozen=True)
class Given:
    """What one variable says. problem: why that cannot be used; value is None then."""

    variable: str
    value: Any = field(default=None, repr=False)  # may be a secret
    problem: Invalid | None = None


@dataclass(frozen=True)
class Environment:
    """What the environment gives to new connections of one kind; variables that are not set, or empty, give nothing.

    settings: by setting's name, secrets too. windows: minutes by stream. every: minutes between two syncs.
    """

    settings: Mapping[str, Given] = field(default_factory=dict)
    windows: Mapping[str, Given] = field(default_factory=dict)
    every: Given | None = None

    def secrets(self, connector: type[Connector], values: Mapping[str, Any]) -> dict[str, str]:
        """Return the secrets that fit values; none when these lead elsewhere than the environment itself does.

        Else whoever may add a connection could have them sent to a host of his own.
        """
        for setting in connector.settings:
            if setting.destination:
                given = self.settings.get(setting.name)
                if given is None or str(given.value or "") != str(values.get(setting.name) or "").strip():
                    return {}
        names = [setting.name for setting in connector.settings if setting.is_secret]
        return {name: self.settings[name].value for name in names if name in self.settings}


def environment_of(connector: type[Connector]) -> Environment:
    """Read the variables that a connector names."""
    found = {setting.name: _given(setting) for setting in connector.settings if os.environ.get(setting.env, "").strip()}
    windows = {
        stream.key: _window(stream)
        for stream in fixed_streams(connector)
        if os.environ.get(stream.window_env, "").strip()
    }
    variable = connector.default_schedule.every_env
    every = replace(EVERY, env=variable)
    return Environment(found, windows, _given(every) if os.environ.get(variable, "").strip() else None)


def variables_of(connector: type[Connector]) -> list[str]:
    """Return the names of the variables that a connector reads."""
    names = [setting.env for setting in connector.settings]
    names += [stream.window_env for stream in fixed_streams(connector)]
    return [name for name in (*names, connector.default_schedule.every_env) if name]


def fixed_streams(connector: type[Connector]) -> tuple[Stream, ...]:
    """Return the streams that do not depend on settings; none for a connector whose user declares them."""
    return tuple(part for part in fixed_parts(connector) if not isinstance(part, Step))


def fixed_parts(connector: type[Connector]) -> tuple[Stream, ...]:
    """Return fixed_streams, and then the steps."""
    config: dict[str, Any] = {
        setting.name: [] if setting.type in (*LISTS, "list") else setting.default for setting in connector.settings
    }
    try:
        return connector.parts(config)
    except SyncError:
        return ()


def window_settings(connector: type[Connector]) -> tuple[Setting, ...]:
    """Return a setting for the look-back of each fixed stream that has one, in minutes, named as the stream."""
    return tuple(
        replace(WINDOW, name=stream.key, label=stream.label, default=stream.window_minutes, env=stream.window_env)
        for stream in fixed_streams(connector)
        if stream.window_minutes is not None
    )


WINDOW = Setting("window", _("Look-back (minutes)"), "number", minimum=1, maximum=LONGEST_WINDOW, validate=whole)
DAYS = replace(WINDOW, maximum=LONGEST_WINDOW // MINUTES_PER_DAY)
EVERY = Setting("interval_minutes", _("every (minutes)"), "number", minimum=1, maximum=LONGEST_INTERVAL, validate=whole)


def _window(stream: Stream) -> Given:
    if stream.window_env_unit == "minutes":
        return _given(replace(WINDOW, env=stream.window_env))
    days = _given(replace(DAYS, env=stream.window_env))
    return days if days.problem else replace(days, value=days.value * MINUTES_PER_DAY)


def _given(setting: Setting) -> Given:
    raw: Any = os.environ[setting.env]
    if setting.type == "list":
        raw = raw.replace(",", "\n")
    try:
        checked = check_settings([replace(setting, required=True, shown_if=None)], {setting.name: raw})
    except SettingsInvalid as invalid:
        problem = invalid.problems[0]
        return Given(setting.env, problem=Invalid((setting.env,), problem.text, problem.params))
    return Given(setting.env, checked[setting.name])
