"""What errors say while a connection is tested: nothing is stored or running yet, so nothing stopped or tries again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from connections.catalogue import CATALOGUE, entry_of
from connections.explanation import Entry, Explanation, Text, filled

TEST_AGAIN = _("Then test again.")


def explain_trial(code: str, params: Mapping[str, Any] | None = None, source: str = "") -> Explanation:
    """Return what catalogue.explain says, in the words of a test or a sample."""
    reason = (params or {}).get("reason", "")
    name = f"{code}.{reason}" if f"{code}.{reason}" in CATALOGUE else code
    return filled(code, TRIAL.get(name) or entry_of(code, params), params, source)


def _like(code: str, sentence: Text, *steps: Text) -> Entry:
    """An entry that shares title and likely cause with the catalogue's."""
    entry = CATALOGUE[code]
    return Entry(entry.title, sentence, entry.cause, steps, entry.action)


TRIAL: dict[str, Entry] = {
    "credentials_refused": _like(
        "credentials_refused",
        _("%(source)s did not accept the user, password or key."),
        _("Get a valid user, password or key from the source, and enter it in the settings."),
        TEST_AGAIN,
    ),
    "credentials_expired": _like(
        "credentials_expired",
        _("The access that %(source)s gave is no longer valid."),
        _("Create a new key or authorisation in the source, and enter it in the settings."),
        TEST_AGAIN,
    ),
    "permission_denied": _like(
        "permission_denied",
        _("%(source)s knows the user but does not let it read this."),
        _("Ask whoever manages the source to give this user read access."),
        TEST_AGAIN,
    ),
    "config_invalid": _like(
        "config_invalid",
        _("The source cannot be asked with these settings (%(field)s)."),
        _("Correct the marked field."),
        TEST_AGAIN,
    ),
    "rate_limited": _like(
        "rate_limited",
        _("%(source)s asks us to slow down, so the test ended here."),
        _("Wait a few minutes, then test again."),
        _("If the API has a limit, enter it as requests per minute."),
    ),
    "quota_blocked": _like(
        "quota_blocked",
        _("%(source)s blocks requests for a while because its quota is used up, so the test ended here."),
        _("Test again when the quota returns, or save switched off meanwhile."),
    ),
    "timeout": _like(
        "timeout",
        _("%(source)s did not answer in time."),
        _("Check the address; a server that never answers is often a firewall."),
        _("If it is right, try a smaller page size, and test again."),
    ),
    "connection_failed": _like(
        "connection_failed",
        _("No connection to %(host)s could be made, or it broke off."),
        _("Check that the address opens from this server."),
        TEST_AGAIN,
    ),
    "connection_failed.refused": _like(
        "connection_failed.refused",
        _("%(host)s is there, but refuses connections on this port."),
        _("Check that the source is running, and the port in the address."),
        TEST_AGAIN,
    ),
    "tls_failed": _like(
        "tls_failed",
        _("The certificate of %(host)s could not be verified, so nothing was sent."),
        _("Have the certificate renewed or corrected by whoever runs the source."),
        _("If the company issued it itself, name its certificate in REQUESTS_CA_BUNDLE."),
        TEST_AGAIN,
    ),
    "server_error": _like(
        "server_error",
        _("%(source)s answered with an error of its own (%(status)s)."),
        _("Check the address and the paths: some sources answer so to what they do not know."),
        _("If they are right, test again later, or save switched off meanwhile."),
    ),
    "maintenance": _like(
        "maintenance",
        _("%(source)s says that it is under maintenance."),
        _("Test again later, or save switched off meanwhile."),
    ),
    "bad_response": _like(
        "bad_response",
        _("%(source)s answered with something that is not the expected data."),
        _("Check the address and the paths."),
        TEST_AGAIN,
    ),
    "bad_response.truncated": _like(
        "bad_response.truncated",
        _("The answer of %(source)s ended before it was complete; nothing of it was used."),
        _("Test again. If it goes on, try a smaller page size."),
    ),
    "contract_changed": _like(
        "contract_changed",
        _("%(source)s answered, but not in the shape that these settings describe."),
        _("Read a sample and compare the columns."),
        TEST_AGAIN,
    ),
    "internal": _like(
        "internal",
        _("An error that Sincro did not expect ended this; nothing was saved."),
        _("Test again. If it repeats, send the technical details to whoever runs Sincro."),
    ),
}
