"""With which settings and secrets the source is asked, while its form is still half typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connections.forms import entries
from connections.forms.entries import Values
from connections.sdk.settings import Invalid, Setting, SettingsInvalid, check_needed, check_settings

Asked = tuple[dict[str, Any], dict[str, str]]  # config, secrets


def for_offer(
    settings: Sequence[Setting], setting: Setting, config: Values, secrets: Mapping[str, str], stored: Mapping[str, str]
) -> Asked:
    """Return what the source needs to say what it offers for a setting. Raises SettingsInvalid."""
    checked = check_needed(settings, {**config, **secrets}, setting.offered_from, stored_secrets=list(stored))
    return _split(settings, checked, stored)


def for_sample(
    settings: Sequence[Setting],
    name: str,
    row: int,
    config: Values,
    secrets: Mapping[str, str],
    stored: Mapping[str, str],
) -> Asked:
    """Return what a sample of entry `row` of the list `name` needs: this entry alone, its columns still unknown.

    Raises SettingsInvalid with paths as they are in the form.
    """
    settings = entries.without_columns(settings)
    wanted = {setting.name for setting in settings if setting.type == "rows"}
    entry = config[name][row]
    inside = next(setting for setting in settings if setting.name == name).fields
    values = {
        **{other: value for other, value in config.items() if other not in wanted},
        **secrets,
        name: [{field.name: entry[field.name] for field in inside}],
    }
    try:
        checked = check_settings(
            [setting for setting in settings if setting.name == name or setting.name not in wanted],
            values,
            stored_secrets=list(stored),
        )
    except SettingsInvalid as invalid:
        raise SettingsInvalid([_in_form(problem, name, row) for problem in invalid.problems]) from None
    return _split(settings, checked, stored)


def _in_form(problem: Invalid, name: str, row: int) -> Invalid:
    if problem.path[:2] != (name, 0):
        return problem
    return Invalid((name, row, *problem.path[2:]), problem.text, problem.params)


def _split(settings: Sequence[Setting], checked: Mapping[str, Any], stored: Mapping[str, str]) -> Asked:
    names = {setting.name for setting in settings if setting.is_secret}
    secrets = {**stored, **{name: checked[name] for name in names if name in checked}}
    return {name: value for name, value in checked.items() if name not in names}, secrets
