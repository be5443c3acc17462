"""What each error code means to a person: what happened, why it usually happens, what to do, and one action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from connections.access import ACCESS
from connections.explanation import Entry, Explanation, filled
from connections.misunderstood import MISUNDERSTOOD
from connections.never_due import NEVER_DUE


def explain(code: str, params: Mapping[str, Any] | None = None, source: str = "") -> Explanation:
    """Return what entry_of says, filled in."""
    return filled(code, entry_of(code, params), params, source)


def entry_of(code: str, params: Mapping[str, Any] | None = None) -> Entry:
    """Return the entry for code, or for code and its params' reason; unknown reads as internal."""
    reason = (params or {}).get("reason", "")
    return CATALOGUE.get(f"{code}.{reason}") or CATALOGUE.get(code, CATALOGUE["internal"])


CATALOGUE: dict[str, Entry] = {
    **ACCESS,
    **MISUNDERSTOOD,
    **NEVER_DUE,
    "config_invalid": Entry(
        _("A setting is wrong"),
        _("The connection cannot run with its present settings (%(field)s); automatic syncing stopped."),
        _("A value is missing, was mistyped, or no longer exists in the source."),
        (_("Open the settings and correct the marked field."), _("Test, then save.")),
        "edit_settings",
    ),
    "config_invalid.no_streams": Entry(
        _("Nothing to read"),
        _("Every stream of the connection is switched off; automatic syncing stopped."),
        _("Its streams were switched off one by one."),
        (_("Switch at least one stream on."), _("Or switch auto-sync off, if nothing shall be read.")),
        "choose_streams",
    ),
    "config_invalid.no_columns": Entry(
        _("A stream without columns"),
        _("Of the stream “%(stream)s” nobody said which columns to keep; automatic syncing stopped."),
        _("It was added without reading a sample, or its columns were removed."),
        (_("Open the settings, read a sample of the stream, and mark its key."), _("Test, then save.")),
        "edit_settings",
    ),
    "address_refused": Entry(
        _("Address not allowed"),
        _("The address %(host)s leads into a private network, which this connection may not reach."),
        _("The address is wrong, or the source runs on your own network and that was not allowed yet."),
        (
            _("Check the address."),
            _("If the source is on your own network, allow private addresses in the connection's settings."),
        ),
        "edit_settings",
    ),
    "address_refused.metadata": Entry(
        _("Address never allowed"),
        _("The address %(host)s belongs to the cloud this server runs in, and no connection may reach it."),
        _("The address is wrong."),
        (_("Enter the address of the source."),),
        "edit_settings",
    ),
    "address_refused.reserved": Entry(
        _("Address never allowed"),
        _("The address %(host)s belongs to no server that could be read."),
        _("The address is wrong."),
        (_("Enter the address of the source."),),
        "edit_settings",
    ),
    "not_found": Entry(
        _("Not found"),
        _("%(source)s has nothing at the address asked for."),
        _("The address or a path is mistyped, or the source moved it."),
        (_("Compare the address and the paths with the source's documentation."), _("Test, then save.")),
        "edit_settings",
    ),
    "needs_failed": Entry(
        _("What it needs failed"),
        _("This step was not run, because what it works on did not succeed: %(needs)s."),
        _("A stream or an earlier step of the same sync failed; its own line says why."),
        (_("See to that failure first."), _("The next sync that gets that far runs the step as well.")),
    ),
    "rate_limited": Entry(
        _("Too many requests"),
        _("%(source)s asks us to slow down; syncing goes on by itself when it allows."),
        _("Other programs use the same account, or the limit is low."),
        (_("Nothing now. If it happens often, sync less often or lower the requests per minute."),),
        "wait",
    ),
    "quota_blocked": Entry(
        _("Quota used up"),
        _("%(source)s blocks requests for a while because its quota is used up; syncing goes on by itself afterwards."),
        _("The account's quota for the period is spent."),
        (_("Nothing now. If it happens often, sync less often or ask the source for a larger quota."),),
        "wait",
    ),
    "timeout": Entry(
        _("No answer in time"),
        _("%(source)s did not answer in time; the next sync tries again."),
        _("The source is slow or overloaded, or a page is too large."),
        (_("If it goes on, try a smaller page size, or another hour of the day."),),
    ),
    "connection_failed": Entry(
        _("Could not connect"),
        _("No connection to %(host)s could be made, or it broke off; the next sync tries again."),
        _("The address is wrong, the source is down, or a network or firewall stands between."),
        (
            _("Open the address in a browser; if it opens nowhere, tell whoever runs the source."),
            _("If it opens, ask whoever runs Sincro whether a firewall stands between; then retry."),
        ),
    ),
    "connection_failed.dns": Entry(
        _("Address not found"),
        _("There is no server called %(host)s."),
        _("The address is mistyped, or this server cannot look up names."),
        (
            _("Check the address, letter by letter."),
            _("If it is right, ask whoever runs Sincro to check this server's DNS."),
        ),
        "edit_settings",
    ),
    "connection_failed.refused": Entry(
        _("Nobody answers there"),
        _("%(host)s is there, but refuses connections on this port; the next sync tries again."),
        _("The source is stopped, or the port in the address is wrong."),
        (_("Check that the source is running, and the port in the address."), _("Then retry.")),
    ),
    "tls_failed": Entry(
        _("Certificate not trusted"),
        _("The certificate of %(host)s could not be verified, so nothing was sent."),
        _("The certificate has expired, is for another name, or was issued by the company itself."),
        (
            _("Have the certificate renewed or corrected by whoever runs the source."),
            _("If the company issued it itself, ask whoever runs Sincro to name it in REQUESTS_CA_BUNDLE."),
            _("Then retry."),
        ),
    ),
    "tls_failed.protocol": Entry(
        _("No encryption there"),
        _("%(host)s does not speak https on this port, so nothing was sent."),
        _("The address begins with https, but this server answers http only, or the port is another one."),
        (_("Correct the port, or begin the address with http:// if the source is on your own network."),),
        "edit_settings",
    ),
    "server_error": Entry(
        _("The source failed"),
        _("%(source)s answered with an error of its own (%(status)s); the next sync tries again."),
        _("A fault or an update on the source's side."),
        (_("If it goes on for hours, report it to the source's support with the time and code."),),
    ),
    "maintenance": Entry(
        _("Under maintenance"),
        _("%(source)s says that it is under maintenance; the next sync tries again."),
        _("Planned work on the source's side."),
        (_("Nothing; it goes on by itself."),),
        "wait",
    ),
    "request_refused": Entry(
        _("Request refused"),
        _("%(source)s did not accept what was asked (%(status)s)."),
        _("A parameter or path in the settings is not what the source expects."),
        (_("Compare the settings with the source's documentation."), _("Test, then save.")),
        "edit_settings",
    ),
    "bad_response": Entry(
        _("Answer not understood"),
        _("%(source)s answered with something that is not the expected data."),
        _(
            "The address leads to a web page instead of the API, a sign-in page stands before it, or "
            "the answer was cut."
        ),
        (_("Check the address and the paths."), _("If they are right, retry.")),
        "edit_settings",
    ),
    "bad_response.html": Entry(
        _("A web page instead of data"),
        _("%(source)s answered with a web page, not with data."),
        _("The address is the one people open in the browser, or a sign-in page or a proxy stands before the API."),
        (_("Take the API's address from the source's documentation."), _("Test, then save.")),
        "edit_settings",
    ),
    "bad_response.truncated": Entry(
        _("Answer cut off"),
        _(
            "The answer of %(source)s ended before it was complete; nothing of it was used, and the "
            "next sync tries again."
        ),
        _("The network or the source broke off."),
        (_("If it goes on, try a smaller page size."),),
    ),
    "bad_response.too_large": Entry(
        _("Answer too large"),
        _("One answer of %(source)s is larger than Sincro accepts."),
        _("The stream is not paged, or its pages are very large."),
        (_("Choose a pagination style or a smaller page size for the stream."),),
        "edit_settings",
    ),
    "bad_response.redirect": Entry(
        _("Sent elsewhere"),
        _("%(source)s sends requests on to another address, and credentials are not sent there."),
        _("The API moved, or the address lacks its https."),
        (_("Enter the new address in the settings, if you trust it."),),
        "edit_settings",
    ),
    "bad_response.other_host": Entry(
        _("Next page on another host"),
        _("%(source)s names a next page on another host, and credentials are not sent there."),
        _("The source stands behind a proxy and does not know its own public address."),
        (_("Use the address that the source itself names, if you trust it."),),
        "edit_settings",
    ),
    "contract_changed": Entry(
        _("The source's data changed shape"),
        _("%(source)s answered, but not in the shape this connection was set up for."),
        _("The source was updated, or a path or column in the settings does not fit."),
        (_("Read a new sample in the settings and compare the columns."), _("Save, then retry.")),
        "edit_settings",
    ),
    "contract_changed.type": Entry(
        _("A column became something else"),
        _("Column %(column)s of %(table)s holds %(before)s and is now declared as %(after)s; nothing was written."),
        _("The type of the column was changed after the first load, and the new one cannot hold what is there."),
        (_("Restore the former type, or give the column a new name."),),
        "edit_settings",
    ),
    "contract_changed.records": Entry(
        _("No records in their place"),
        _("%(source)s answered, but “%(path)s” holds no list of records."),
        _("The path in the settings is another one, the answer is an error message, or there are no more pages."),
        (
            _("Compare the path with an answer of the source."),
            _("For numbered pages, say where the number of pages is."),
        ),
        "edit_settings",
    ),
    "contract_changed.elsewhere": Entry(
        _("No records in their place"),
        _("%(source)s answered, but “%(path)s” holds no list of records; “%(place)s” does."),
        _("The path in the settings is another one, or the source was updated."),
        (_("Write “%(place)s” under “Where the records are”."), _("Test, then save.")),
        "edit_settings",
    ),
    "contract_changed.bare": Entry(
        _("No records in their place"),
        _("%(source)s answered, but “%(path)s” holds no list of records: the whole answer is the list."),
        _("The path in the settings is not needed, or the source was updated."),
        (_("Leave “Where the records are” empty."), _("Test, then save.")),
        "edit_settings",
    ),
    "pagination_loop": Entry(
        _("Pages repeat"),
        _("%(source)s sent the same page again, so reading was stopped before it went round for ever."),
        _("The pagination settings do not fit, or the source ignores them."),
        (_("Check the pagination style and parameter names of the stream."),),
        "edit_settings",
    ),
    "extraction_failed": Entry(
        _("A document could not be read"),
        _("The contents of a document could not be extracted; the others were loaded."),
        _("The document's layout is new, or the file is damaged."),
        (_("Open the document and check the marked fields."),),
        "quarantine",
    ),
    "records_quarantined": Entry(
        _("Records wait for review"),
        _("%(bad)s of %(read)s records could not be loaded and are kept with their reasons; all others were loaded."),
        _("A value does not fit its column's type, or the key is missing in the record."),
        (
            _("Look at the records and their reasons."),
            _(
                "Correct them under Review or at the source, or the columns in the settings; what loads is "
                "settled by itself."
            ),
        ),
        "quarantine",
    ),
    "too_many_bad_records": Entry(
        _("Too many bad records"),
        _(
            "%(bad)s of %(read)s records could not be typed, so the stream stopped before moving on; "
            "nothing read is lost."
        ),
        _("A column's type does not fit the data, or the source changed."),
        (_("Look at the records and their reasons."), _("Correct the columns in the settings, then retry.")),
        "quarantine",
    ),
    "delete_brake": Entry(
        _("Unusually many deletions"),
        _("%(missing)s of %(total)s rows of %(table)s are missing at the source; none of them was deleted."),
        _("The source answered only in part, the user lost rights in it, or many records really were deleted."),
        (_("Check in the source whether these records are gone."), _("Decide which rows to delete and which to keep.")),
        "decide",
    ),
    "reset_empty": Entry(
        _("The source showed nothing"),
        _("The whole read of a reset brought not a single record; every stored row and the checkpoint stayed."),
        _("The user lost rights in the source, its address leads elsewhere, or the source really is empty."),
        (_("Check in the source whether it shows these records to this user."), _("Then reset the stream again.")),
        "reset",
    ),
    "reset_too_long": Entry(
        _("The reset takes longer than a run may"),
        _("The run met its deadline before everything was read; every stored row and the checkpoint stayed."),
        _("This source can only be read in one go, so another run would begin from the start and get no further."),
        (_("Ask whoever runs Sincro to give RUN_TIMEOUT a larger value."), _("Then reset the stream again.")),
        "reset",
    ),
    "destination_failed": Entry(
        _("The database could not be written"),
        _(
            "Sincro's own database refused or interrupted a write; nothing is half-written, and the "
            "next sync tries again."
        ),
        _("The database was restarted, is full, or is overloaded."),
        (_("Ask whoever runs Sincro to look at the System page: database and free disk space."), _("Then retry.")),
    ),
    "key_changed": Entry(
        _("The key of a table changed"),
        _("The table %(table)s already holds rows under another key; nothing was written."),
        _("The key columns of a stream were changed after the first load."),
        (_("Restore the former key, or give the stream a new name."),),
        "edit_settings",
    ),
    "secrets_unreadable": Entry(
        _("Stored credentials cannot be read"),
        _("The stored credentials were encrypted with a key that this installation does not have."),
        _("CREDENTIAL_KEYS was changed, or the database was moved without its keys."),
        (
            _("Enter the credentials again."),
            _("Or ask whoever runs Sincro to put the former key back into CREDENTIAL_KEYS, after the new one."),
        ),
        "edit_credentials",
    ),
    "worker_lost": Entry(
        _("The worker vanished"),
        _(
            "The process that ran this sync stopped giving signs of life; what was loaded stays, and the "
            "next sync goes on from there."
        ),
        _("The server was restarted, or ran out of memory."),
        (
            _("A scheduled sync starts again by itself; start one again that a person had started."),
            _("If it repeats, ask whoever runs Sincro to check the server's memory and log."),
        ),
    ),
    "timed_out": Entry(
        _("Stopped at its deadline"),
        _("The run took longer than it may; what was loaded stays and the next run goes on from there."),
        _("A first load is large, or the source is slow."),
        (_("Nothing if it moves forward. Otherwise choose a smaller window."),),
    ),
    "cancelled": Entry(
        _("Cancelled"),
        _("A person cancelled this run; what was loaded stays and the next run goes on from there."),
        _("Someone pressed Cancel."),
        (),
    ),
    "source_changed": Entry(
        _("Turned to another source"),
        _(
            "While this run was going, the connection's settings were changed to name another source; nothing "
            "more of the earlier one is stored."
        ),
        _("A person changed the address, database or company and chose to start over."),
        (_("Nothing: the next sync removes what the earlier source left, then reads the new one."),),
        "wait",
    ),
    "kind_off": Entry(
        _("Switched off for this installation"),
        _("Nothing of %(source)s syncs here: whoever runs Sincro switched it off with %(variable)s=0."),
        _("It was switched off on purpose, for a time or on this server."),
        (_("Ask whoever runs Sincro; taking %(variable)s out and starting again switches it on."),),
        "wait",
    ),
    "stopping": Entry(
        _("Interrupted by a restart"),
        _("Sincro was stopped while this ran; it goes on from there after the start."),
        _("The server or Sincro was restarted."),
        (),
        "wait",
    ),
    "internal": Entry(
        _("Something failed inside Sincro"),
        _("An error that Sincro did not expect ended this; what was loaded stays."),
        _("A fault in Sincro itself."),
        (_("Retry. If it repeats, send the technical details to whoever runs Sincro."),),
    ),
}
