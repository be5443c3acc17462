"""Every failure a run can meet: one class, one stable code, parameters for the sentence shown to people.

Texts are made when a person reads (`connections/catalogue.py`); nothing here is a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connections.sdk.text import storable


@dataclass(frozen=True)
class CodeInfo:
    """What the operator's software does next with a failure of this code."""

    retryable: bool  # the same request may succeed later, without anybody doing anything
    needs_person: bool  # syncing stops until a person acts


# The source does not offer what a stream reads, as far as this user goes; the other streams are read all the same.
# params: service, what is missing as the source calls it; reason: module (with param module), right, or another word.
UNAVAILABLE = "unavailable"

CODES: dict[str, CodeInfo] = {
    "credentials_refused": CodeInfo(retryable=False, needs_person=True),
    "credentials_expired": CodeInfo(retryable=False, needs_person=True),
    "permission_denied": CodeInfo(retryable=False, needs_person=False),
    "config_invalid": CodeInfo(retryable=False, needs_person=True),
    "address_refused": CodeInfo(retryable=False, needs_person=True),
    "kind_off": CodeInfo(retryable=False, needs_person=False),
    "schedule_never_fires": CodeInfo(retryable=False, needs_person=True),
    "not_found": CodeInfo(retryable=False, needs_person=False),
    UNAVAILABLE: CodeInfo(retryable=False, needs_person=False),
    "needs_failed": CodeInfo(retryable=False, needs_person=False),  # of a step: it was not run
    "rate_limited": CodeInfo(retryable=True, needs_person=False),
    "quota_blocked": CodeInfo(retryable=False, needs_person=False),
    "timeout": CodeInfo(retryable=True, needs_person=False),
    "connection_failed": CodeInfo(retryable=True, needs_person=False),
    "tls_failed": CodeInfo(retryable=False, needs_person=False),
    "server_error": CodeInfo(retryable=True, needs_person=False),
    "maintenance": CodeInfo(retryable=True, needs_person=False),
    "request_refused": CodeInfo(retryable=False, needs_person=False),
    "bad_response": CodeInfo(retryable=True, needs_person=False),
    "contract_changed": CodeInfo(retryable=False, needs_person=False),
    "pagination_loop": CodeInfo(retryable=False, needs_person=False),
    "extraction_failed": CodeInfo(retryable=False, needs_person=False),
    "records_quarantined": CodeInfo(retryable=False, needs_person=False),
    "too_many_bad_records": CodeInfo(retryable=False, needs_person=False),
    "delete_brake": CodeInfo(retryable=False, needs_person=False),
    "reset_empty": CodeInfo(retryable=False, needs_person=False),
    "reset_too_long": CodeInfo(retryable=False, needs_person=False),
    "destination_failed": CodeInfo(retryable=True, needs_person=False),
    "key_changed": CodeInfo(retryable=False, needs_person=True),
    "secrets_unreadable": CodeInfo(retryable=False, needs_person=True),
    "worker_lost": CodeInfo(retryable=True, needs_person=False),
    "timed_out": CodeInfo(retryable=True, needs_person=False),
    "cancelled": CodeInfo(retryable=False, needs_person=False),
    "source_changed": CodeInfo(retryable=False, needs_person=False),
    "stopping": CodeInfo(retryable=True, needs_person=False),
    "internal": CodeInfo(retryable=False, needs_person=False),
}


class SyncError(Exception):
    """A failure with a code of CODES.

    params: JSON values for the sentence (host, status, stream, column...); never a secret, a full URL or
    personal data. detail: the developer's view, already redacted, e.g. the vendor's own message.
    until: aware moment before which trying again is useless (rate limits, quotas).
    """

    def __init__(self, code: str, *, detail: str = "", until: datetime | None = None, **params: Any) -> None:
        self.code = code
        self.info = CODES[code]
        self.params: dict[str, Any] = storable(params)
        self.detail: str = storable(detail)
        self.until = until
        super().__init__(code)

    def __str__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.code} ({said})" if said else self.code


class Interruption(SyncError):
    """The run must stop now, for a reason outside the source.

    cancelled, timed_out, stopping, worker_lost, source_changed.
    """
