from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "connections"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Connections")

    def ready(self) -> None:
        from connections.people import trail

        trail.connect()
