"""Adds connections to the console whose environment it has: `python -m tests.project.add_connections JSON`.

JSON: {name: [base address of a shop, minutes from sync to sync]}; each syncs for the first time at once.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from connections.sandbox.shop import sample_connection  # noqa: E402 - needs the settings
from connections.services import create_connection  # noqa: E402

if __name__ == "__main__":
    for name, (url, minutes) in json.loads(sys.argv[1]).items():
        create_connection(
            kind="rest",
            name=name,
            values={**sample_connection(url)["values"], "table_prefix": name},
            schedule={"schedule_kind": "interval", "interval_minutes": minutes},
            auto_sync=True,
        )
