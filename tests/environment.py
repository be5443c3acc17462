"""The environment of a test process, set before anything loads Django's settings.

pytest loads this plugin (pyproject.toml) before pytest-django. In a worker that one finds DJANGO_SETTINGS_MODULE set
by the process that started the worker, and loads the settings long before conftest.py: the workers would share a data
directory, and the stop mark of one test would stop the runs of another.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Each pytest process (one per worker) has a data directory of its own; the given keys let processes started by a test
# read what it wrote.
DATA_DIR = tempfile.mkdtemp(prefix="sincro-tests-")
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
os.environ.update(
    {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "ENV_FILE": "",
        "DATA_DIR": DATA_DIR,
        "SECRET_KEY": "for-tests-only-for-tests-only-for-tests-only-0123456789",
        "CREDENTIAL_KEYS": "c2luY3JvLXRlc3RzLW9ubHktMDEyMzQ1Njc4OWFiY2Q=",
        "LEASE_SECONDS": "3",
        "RETRY_DELAY": "0",
        "ALLOW_PRIVATE_ADDRESSES": "1",
    }
)
