"""What the catalogue says of schedules that never come."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from connections.explanation import Entry

NEVER_DUE: dict[str, Entry] = {
    "schedule_never_fires": Entry(
        _("The schedule never comes"),
        _("No date fits the schedule “%(cron)s”, so nothing would ever run."),
        _("Day and month do not exist together, such as 31 February."),
        (_("Choose another schedule."),),
        "edit_schedule",
    ),
    "schedule_never_fires.quiet": Entry(
        _("The schedule never comes"),
        _("All times of the schedule fall into the quiet hours %(value)s, so nothing would ever run."),
        _("The quiet hours were set for another rhythm."),
        (_("Choose other quiet hours, or another schedule."),),
        "edit_schedule",
    ),
}
