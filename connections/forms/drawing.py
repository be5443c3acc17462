"""How a connection's form is drawn: fields with what is wrong beside them, the test's report, what to know first."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext

from connections import services
from connections.explanation import Explanation
from connections.forms import entries, held, timing
from connections.forms.connection import ConnectionForm
from connections.forms.entries import Path
from connections.forms.fields import Field, build, walk, words
from connections.forms.pointing import PERMISSION, asks_permission, pointed_at
from connections.mixing import OTHER_SOURCE
from connections.sdk.errors import SyncError
from connections.sdk.settings import SettingsInvalid, check_settings
from connections.sdk.text import gettext_noop as _
from connections.trial_words import explain_trial

SIGN_IN = _("Sign-in")  # what connectors call the finding about their credentials
RETYPE_MOVED = _("The address changed. What was stored belongs to the old one and will be erased; type it again.")
RETYPE_EXPIRED = _("What you typed here was held for one hour, which has passed. Type it again.")
RETYPE_ELSEWHERE = _("%(variable)s in the environment belongs to another address and is not used; type it here.")
RETYPE_UNREADABLE = _("What was stored can no longer be read, because the encryption key changed. Type it again.")


class Drawing:
    """What the templates ask of a form. can_change: whether the reader may save it."""

    def __init__(self, form: ConnectionForm, *, can_change: bool) -> None:
        self.form = form
        self.can_change = can_change
        self.report = form.report
        self.auto_sync = form.auto_sync
        self.held = held.hold(form.user, form.secrets)

    @cached_property
    def parts(self) -> dict[str, list[Field]]:
        form = self.form
        parts = {
            part: build(settings, form.values[part], (part,), form.problems, form.focus)
            for part, settings in form.settings.items()
        }
        everything = {field.path: field for part in parts.values() for field in walk(part)}
        self._place_others(everything)
        for field in everything.values():
            if field.setting.is_secret:
                self._describe_secret(field)
            elif field.path[0] == "config" and field.setting.name in form.offers:
                field.offers = form.offers[field.setting.name]
        self._name_sources(everything)
        self._point_at_cause(everything)
        wrong = next((field for field in everything.values() if field.errors), None)
        focused = wrong or everything.get(form.focus)
        if focused is not None and not (self.report and wrong is None):
            focused.has_focus = True
        return parts

    def _place_others(self, fields: dict[Path, Field]) -> None:
        """Say problems that have no field of their own beside the nearest field around them."""
        for path, problems in self.form.problems.items():
            if path in fields:
                continue
            around = next((path[:end] for end in range(len(path) - 1, 1, -1) if path[:end] in fields), None)
            target = fields[around] if around else next(iter(fields.values()))
            target.errors += [words(problem.text, problem.params) for problem in problems]

    def _point_at_cause(self, fields: dict[Path, Field]) -> None:
        """Say why the test failed also beside the setting that it is about."""
        if self.report is None or not self.can_change:
            return
        refused = any(one.state == "failed" and one.label == SIGN_IN for one in self.report.findings)
        error = self.report.error or (SyncError("credentials_refused") if refused else None)
        if error is not None:
            name = pointed_at(error, self.form.connector.settings, self.form.values["config"])
            if field := fields.get(("config", name)):
                field.errors.append(f"{self._explain(error).title}.")

    def _name_sources(self, fields: dict[Path, Field]) -> None:
        """Say of values that are still as the environment gave them where they come from."""
        for path, given in self.form.given().items():
            if given.problem is None:
                shown = self.form.as_shown(path, given)
                if all(self.form.values[str(path[0])][name] == value for name, value in shown.items()):
                    fields[path].note = gettext("From %(variable)s in the environment.") % {"variable": given.variable}

    def _describe_secret(self, field: Field) -> None:
        name, form, connection = field.setting.name, self.form, self.form.connection
        set_at = connection.secrets_set_at.get(name) if connection else None
        why, age = "", ""
        given = form.environment.settings.get(name)
        if name in form.secrets:
            field.placeholder = gettext("Received; type only to change")
        elif given is not None and name in form.stored_secrets():
            field.placeholder = gettext("Set; type only to change")
            age = gettext("Set from %(variable)s in the environment.") % {"variable": given.variable} + " "
        elif given is not None:
            age = words(RETYPE_ELSEWHERE, {"variable": given.variable}) + " "
        elif form.has_expired:
            why = RETYPE_EXPIRED
        elif set_at and name in form.stored_secrets():
            field.placeholder = gettext("Stored; type only to change")
            age = gettext("Set %(when)s.") % {"when": naturaltime(datetime.fromisoformat(set_at))} + " "
        elif set_at and connection:
            why = RETYPE_MOVED if services.kept_secrets(connection, {}) else RETYPE_UNREADABLE
        if why and field.errors:
            field.errors = [words(why)]
        else:
            field.note = words(why) or age + gettext("Stored encrypted. Once saved, nobody can read it here.")

    @property
    def _single(self) -> list[Field]:
        return [field for field in self.parts["config"] if field.setting.type not in entries.LISTS]

    @property
    def access(self) -> list[Field]:
        return [field for field in self._single if not field.setting.advanced]

    @property
    def advanced(self) -> list[Field]:
        return [field for field in self._single if field.setting.advanced]

    @property
    def shows_advanced(self) -> bool:
        """Say whether one of them needs to be seen: it is wrong, pointed at, or not at its default."""
        return self._is_touched(self.advanced) or self.permission in self.advanced

    @cached_property
    def permission(self) -> Field | None:
        """The setting that would allow the address which was just refused."""
        error = self.form.asking_error or (self.report.error if self.report else None)
        if not asks_permission(error):
            return None
        return next((field for field in self._single if field.setting.name == PERMISSION), None)

    @property
    def shows_windows(self) -> bool:
        return self._is_touched(self.windows)

    @staticmethod
    def _is_touched(fields: list[Field]) -> bool:
        untouched = entries.blank([field.setting for field in fields])
        return any(field.errors or field.value != untouched[field.setting.name] for field in fields)

    @property
    def lists(self) -> list[Field]:
        return [field for field in self.parts["config"] if field.setting.type in entries.LISTS]

    @property
    def windows(self) -> list[Field]:
        return self.parts.get("windows", [])

    @property
    def first(self) -> list[Field]:
        return self.parts.get("first", [])

    @property
    def schedule(self) -> list[Field]:
        return self.parts["schedule"][: len(timing.SCHEDULE)]

    @property
    def schedule_more(self) -> list[Field]:
        return self.parts["schedule"][len(timing.SCHEDULE) :]

    @cached_property
    def turns(self) -> list[tuple[str, str, str]]:
        """The settings that name another source than that of the stored rows: label, value so far, value typed."""
        if self.form.connection is None:
            return []
        before, typed = self.form.connection.config, self.form.values["config"]
        shown = [(one, str(before.get(one.name) or ""), str(typed[one.name])) for one in self.form.other_identity]
        return [(words(one.label), old or "—", new or "—") for one, old, new in shown]

    @property
    def starts_over(self) -> bool:
        return self.form.starts_over

    @property
    def must_choose(self) -> bool:
        """Say whether saving failed because nobody said what becomes of the stored rows."""
        return any(one.text == OTHER_SOURCE for problems in self.form.problems.values() for one in problems)

    @property
    def explained(self) -> list[Field]:
        """The settings that the help column explains."""
        return [field for field in self._single if field.help]

    @property
    def next_times(self) -> list[datetime]:
        try:
            checked = check_settings(timing.ALL, self.form.values["schedule"])
            return timing.next_times(timing.as_service_takes_it(checked))
        except (SettingsInvalid, SyncError):
            return []

    @property
    def problem_count(self) -> int:
        return sum(1 for part in self.parts.values() for field in walk(part) if field.errors)

    @property
    def lead(self) -> str:
        """What a person should know first."""
        if self.problem_count:
            wrong = ngettext(
                "%(count)s field needs correction.", "%(count)s fields need correction.", self.problem_count
            ) % {"count": self.problem_count}
            return f"{wrong} {self._nothing_lost}"
        if self.report is None:
            if self.form.like is not None:
                return gettext("It begins with the settings of %(name)s, without the credentials stored there.") % {
                    "name": self.form.like.name
                }
            return "" if self.form.connection else gettext("Nothing is read before you switch the connection on.")
        if not self.can_change:
            return ""  # the report says it all
        if self.report.ok:
            return gettext("The test passed. Save to keep these settings.")
        return gettext("The test did not pass. What you typed is still here; nothing was saved.")

    @property
    def _nothing_lost(self) -> str:
        if self.form.connection:
            return gettext("What you typed is still here; nothing was saved.")
        return gettext("What you typed is still here; nothing is read before you switch it on.")

    @property
    def test_error(self) -> Explanation | None:
        return self._explain(self.report.error) if self.report and self.report.error else None

    @property
    def asking_failure(self) -> Explanation | None:
        return self._explain(self.form.asking_error) if self.form.asking_error else None

    @property
    def sample_notes(self) -> list[dict[str, str]]:
        return [{"state": one.state, "text": words(one.text, one.params)} for one in self.form.sample_notes]

    @property
    def columns_not_met(self) -> str:
        return ", ".join(self.form.columns_not_met)

    @property
    def asked(self) -> str:
        """The form name of what the source was asked for: columns from a sample, or what it offers."""
        return ":".join(map(str, self.form.focus))

    @property
    def test_time(self) -> str:
        seconds = self.report.seconds if self.report else 0.0
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{number_format(seconds, 1)} s"

    @property
    def findings(self) -> list[dict[str, str]]:
        found = self.report.findings if self.report else []
        return [{"label": words(one.label), "state": one.state, "text": words(one.text, one.params)} for one in found]

    def _explain(self, error: SyncError) -> Explanation:
        return explain_trial(error.code, error.params, words(self.form.connector.label))
