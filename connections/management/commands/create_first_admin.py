"""create_first_admin: makes the first administrator, once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from connections.people.first import FILE, create_first_admin, write_private


class Command(BaseCommand):
    help = "Create the first administrator with a password shown once. Does nothing when there is an administrator."

    def handle(self, *args: Any, **options: Any) -> None:
        made = create_first_admin()
        if made is None:
            return
        name, password = made
        if self.stdout.isatty():
            self.stdout.write("\n  First administrator (shown once; you choose your own password when you sign in)")
            self.stdout.write(f"    name      {name}\n    password  {password}\n")
            return
        path = settings.DATA_DIR / FILE
        write_private(path, f"name: {name}\npassword: {password}\n")
        self.stdout.write(f"First administrator: name and password are in {path} (only you can read it).")
