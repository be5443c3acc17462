"""`manage.py connectors`: the kinds of systems that can be connected, and the settings each asks for."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from connections import connectors
from connections.command_line.base import ConsoleCommand, Exit, add_json
from connections.defaults import fixed_streams
from connections.sdk.connector import Connector
from connections.sdk.declare import Stream
from connections.sdk.settings import Setting


class Command(ConsoleCommand):
    about = gettext_lazy("List the connectors and the settings that each asks for.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_json(parser)

    def run(self, options: dict[str, Any]) -> Exit:
        self.answer([_connector(connector) for connector in connectors.REGISTRY])
        for connector in connectors.REGISTRY:
            beta = _("beta")
            self.say(f"{connector.kind}: {_(connector.label)}{f' ({beta})' if connector.is_beta else ''}")
            self._say_settings(connector.settings, "  ")
            for stream in fixed_streams(connector):
                word = _("stream")
                self.say(f"  {word} {stream.key}: {_(stream.label)}{_variable(stream.window_env)}")
            if connector.default_schedule.every_env:
                every = _("minutes between two syncs")
                self.say(f"  {every}{_variable(connector.default_schedule.every_env)}")
            self.say()
        return Exit.SUCCESS

    def _say_settings(self, settings: tuple[Setting, ...], indent: str) -> None:
        for setting in settings:
            flag = "--secret" if setting.is_secret else "--set"
            notes = [setting.type, *([_("required")] if setting.required else [])]
            if setting.choices:
                notes.append("|".join(choice for choice, _label in setting.choices))
            name = f"{flag} {setting.name}" if indent == "  " else setting.name
            self.say(f"{indent}{name}: {_(setting.label)} ({', '.join(notes)}){_variable(setting.env)}")
            self._say_settings(setting.fields, f"{indent}  ")


def _connector(connector: type[Connector]) -> dict[str, Any]:
    return {
        "kind": connector.kind,
        "label": _(connector.label),
        "is_beta": connector.is_beta,
        "settings": [_setting(setting) for setting in connector.settings],
        "streams": [_stream(stream) for stream in fixed_streams(connector)],
        "schedule": {
            "every_minutes": connector.default_schedule.every_minutes,
            "daily_at": connector.default_schedule.daily_at,
            "every_env": connector.default_schedule.every_env,
        },
    }


def _variable(name: str) -> str:
    return f" [{name}]" if name else ""


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "label": _(setting.label),
        "type": setting.type,
        "required": setting.required,
        "default": setting.default,
        "help": _(setting.help) if setting.help else "",
        "choices": [{"value": value, "label": _(label) if label else ""} for value, label in setting.choices],
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "destination": setting.destination,
        "identity": setting.identity,
        "env": setting.env,
        "offered_from": setting.offered_from,
        "expires": setting.expires,
        "shown_if": {"setting": setting.shown_if[0], "values": setting.shown_if[1]} if setting.shown_if else None,
        "fields": [_setting(field) for field in setting.fields],
    }


def _stream(stream: Stream) -> dict[str, Any]:
    return {
        "key": stream.key,
        "label": _(stream.label),
        "enabled": stream.default_enabled,
        "window_minutes": stream.window_minutes,
        "window_env": stream.window_env,
        "window_env_unit": stream.window_env_unit if stream.window_env else "",
        "tables": [{"name": table.name, "key": table.key, "parent": table.parent} for table in stream.tables],
    }
