"""The project's settings, with addresses for the answers that take the place of a page."""

from __future__ import annotations

from config.settings import *  # noqa: F403 - all of them, and one more

ROOT_URLCONF = "tests.browser.states_urls"
