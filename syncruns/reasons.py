"""Why a value could not be loaded, in words: the codes of syncruns/engine/values.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from connections.explanation import Params, shown

VALUE_REASONS: dict[str, str | Promise] = {
    "empty": _("it is empty"),
    "has_nul": _("it contains a NUL character"),
    "has_time": _("it has a time, and the column holds dates"),
    "no_time_zone": _("it has no time zone"),
    "not_a_boolean": _("it is not yes or no"),
    "not_a_date": _("it is not a date"),
    "not_a_number": _("it is not a number"),
    "not_a_timestamp": _("it is not a date with time"),
    "not_an_integer": _("it is not a whole number"),
    "not_exact": _("it is not an exact number"),
    "not_json": _("it is not JSON"),
    "not_text": _("it is not a text"),
    "not_unicode": _("it contains characters that cannot be stored"),
    "out_of_range": _("it is too large for the column"),
    "too_deep": _("it is nested too deeply"),
    "too_long": _("it is too long for a key or an index"),
    "too_many_decimals": _("it has more than %(scale)s decimals"),
    "key_missing": _("the key is missing"),
    "parent_rejected": _("the record it belongs to could not be loaded"),
}
# Why a person's load was refused, besides.
REVIEW_REASONS: dict[str, str | Promise] = {
    "key_taken": _("a row with this key is already stored; it would be replaced"),
    "not_kept": _("it is too long to be kept here; write it anew"),
}


def why(reason: Mapping[str, Any]) -> str:
    """Return a reason, {"code", "params"}, in the reader's language; an unknown code as it is."""
    code = str(reason.get("code", ""))
    values = Params({name: shown(value) for name, value in (reason.get("params") or {}).items()})
    return str((VALUE_REASONS | REVIEW_REASONS).get(code, code)) % values
