from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SyncRunsConfig(AppConfig):
    name = "syncruns"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Runs")

    def ready(self) -> None:
        from connections.people.roles import ensure_roles
        from connections.signals import slots_left
        from syncruns.dispatch import note_left

        # The last app of all: by now every permission a role names has been made.
        post_migrate.connect(ensure_roles, sender=self)
        slots_left.connect(note_left)
