"""Reads what Brazilian systems write: numbers, dates, truth values, CPF and CNPJ. Each raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Literal

Mark = Literal[",", "."]

_SIGN_AND_CURRENCY = re.compile(
    r"(?P<sign>[-+]?)\s*(?:R\$|BRL)?\s*(?P<inner>[-+]?)\s*(?P<number>[0-9.,\s]+?)(?P<after>-?)"
)
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BRAZILIAN_DATE = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_TIME = re.compile(
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"\s*(?P<zone>Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
# What most APIs write, read at once; everything else is taken apart.
_ISO_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][01][0-9]:[0-5][0-9])"
)
_ISO_MOMENTS = re.compile(f"(?:{_ISO_MOMENT.pattern}\n)*")
_BOOLEANS = {
    **dict.fromkeys(("sim", "s", "true", "verdadeiro", "yes", "y", "1"), True),
    **dict.fromkeys(("não", "nao", "n", "false", "falso", "no", "0"), False),
}
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_CPF = re.compile(r"[0-9]{11}")


def parse_decimal(text: str, *, mark: Mark | None = None) -> Decimal:
    """Return the exact number of "1.234,56", "R$ -12", "(12,30)", "12,30-" or "1234.56".

    mark: the decimal mark of the source. Without it the text must leave no doubt: "1.234" and "1,234" could each
    be two numbers and are refused, while "0.123", "12.5" and "1.234.567" could not.
    """
    stripped = text.strip().replace("\u2212", "-")
    in_brackets = re.fullmatch(r"((?:R\$)?)\s*\((.*)\)", stripped)
    found = _SIGN_AND_CURRENCY.fullmatch(in_brackets[1] + in_brackets[2] if in_brackets else stripped)
    if found is None:
        raise ValueError(f"not a number: {_shown(text)}")
    signs = [sign for sign in (found["sign"], found["inner"], found["after"]) if sign]
    if len(signs) > 1 or (in_brackets and signs):
        raise ValueError(f"more than one sign: {_shown(text)}")
    number = found["number"].strip()
    plain = _plain(number, mark or _mark_of(number, text), text)
    return Decimal(plain).copy_negate() if in_brackets or signs == ["-"] else Decimal(plain)


def parse_date(text: str) -> date:
    """Return the day of "2026-12-31" or "31/12/2026" (also with dots or dashes); day first, never month first."""
    stripped = text.strip()
    iso = _ISO_DATE.fullmatch(stripped)
    brazilian = _BRAZILIAN_DATE.fullmatch(stripped)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if brazilian:
            return date(int(brazilian[3]), int(brazilian[2]), int(brazilian[1]))
    except ValueError:
        raise ValueError(f"no such day: {_shown(text)}") from None
    raise ValueError(f"not a date: {_shown(text)}")


def parse_timestamp(text: str, zone: tzinfo, *, forgiving: bool = False) -> datetime:
    """Return the aware UTC moment of a date as parse_date reads it, then " " or "T", and a time.

    zone: where times without an offset of their own were written. A time that happens twice when clocks go back
    is the first of the two; one that is skipped when they go forward is refused. Digits beyond microseconds are cut.
    forgiving: a date alone is its midnight, and a skipped time counts as if clocks had not been set forward yet.
    """
    if _ISO_MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"no such moment: {_shown(text)}") from None
    day_text, _, time_text = re.sub(r"[Tt\s]+", " ", text.strip(), count=1).partition(" ")
    if forgiving and not time_text:
        time_text = "00:00"
    found = _TIME.fullmatch(time_text.strip())
    if found is None:
        raise ValueError(f"not a date and time: {_shown(text)}")
    day = parse_date(day_text)
    try:
        moment = datetime(
            day.year,
            day.month,
            day.day,
            int(found["hour"]),
            int(found["minute"]),
            int(found["second"] or 0),
            int((found["fraction"] or "")[:6].ljust(6, "0")),
            tzinfo=_offset(found["zone"]) or zone,
        )
        result = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"no such moment: {_shown(text)}") from None
    if not forgiving and result.astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise ValueError(f"a moment that the clocks skipped: {_shown(text)}")
    return result


def parse_timestamps(texts: Sequence[str], zone: tzinfo) -> list[datetime]:
    """Return what parse_timestamp makes of each text, in much less time where all are written as most APIs do."""
    if not _ISO_MOMENTS.fullmatch("\n".join([*texts, ""])):
        return [parse_timestamp(text, zone) for text in texts]
    try:
        moments = map(datetime.fromisoformat, texts)
        return [moment if moment.tzinfo is UTC else moment.astimezone(UTC) for moment in moments]
    except (ValueError, OverflowError):
        raise ValueError("no such moment among them") from None


def parse_boolean(text: str) -> bool:
    """Return the truth value of sim/não, S/N, true/false, yes/no, 1/0, in any case."""
    try:
        return _BOOLEANS[text.strip().casefold()]
    except KeyError:
        raise ValueError(f"neither yes nor no: {_shown(text)}") from None


def digits(text: str) -> str:
    """Return the ASCII digits of text, everything else left out."""
    return re.sub(r"[^0-9]", "", text)


def parse_cnpj(text: str) -> str:
    """Return the 14 characters of a CNPJ, numeric or alphanumeric, its check digits verified; points are dropped."""
    bare = re.sub(r"[\s./-]", "", text).upper()
    if not _CNPJ.fullmatch(bare):
        raise ValueError("a CNPJ has 12 letters or digits and 2 check digits")
    if len(set(bare)) == 1 or bare != bare[:12] + _check_digits(bare[:12], highest=9):
        raise ValueError("the check digits of the CNPJ do not fit")
    return bare


def parse_cpf(text: str) -> str:
    """Return the 11 digits of a CPF, its check digits verified; points are dropped."""
    bare = re.sub(r"[\s./-]", "", text)
    if not _CPF.fullmatch(bare):
        raise ValueError("a CPF has 11 digits")
    if len(set(bare)) == 1 or bare != bare[:9] + _check_digits(bare[:9], highest=11):
        raise ValueError("the check digits of the CPF do not fit")
    return bare


def format_cnpj(text: str) -> str:
    """Return a valid CNPJ as 12.ABC.345/01DE-35."""
    cnpj = parse_cnpj(text)
    return f"{cnpj[:2]}.{cnpj[2:5]}.{cnpj[5:8]}/{cnpj[8:12]}-{cnpj[12:]}"


def format_cpf(text: str) -> str:
    """Return a valid CPF as 529.982.247-25."""
    cpf = parse_cpf(text)
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"


def _check_digits(base: str, *, highest: int) -> str:
    """Return the two modulo 11 check digits; weights run from 2 at the right up to highest and over again.

    A character counts as its ASCII code less 48, so digits count as themselves and A as 17 (Receita Federal,
    alphanumeric CNPJ, given out since July 2026).
    """
    text = base
    for _digit in range(2):
        weights = (2 + place % (highest - 1) for place in range(len(text)))
        rest = (
            sum((ord(character) - 48) * weight for character, weight in zip(reversed(text), weights, strict=False)) % 11
        )
        text += str(11 - rest if rest > 1 else 0)
    return text[-2:]


def _mark_of(number: str, text: str) -> Mark:
    """Find the decimal mark of an unsigned number, or raise ValueError where it could be either."""
    marks = [character for character in number if character in ".,"]
    if not marks:
        return "."
    last: Mark = "," if marks[-1] == "," else "."
    if len(set(marks)) == 2:
        return last
    other: Mark = "." if last == "," else ","
    if len(marks) > 1:
        return other  # what stands more than once groups thousands
    before, _, after = number.partition(last)
    if len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0"):
        raise ValueError(f"could be thousands or decimals: {_shown(text)}")
    return last


def _plain(number: str, mark: Mark, text: str) -> str:
    """Return number as Python writes it; ValueError unless its groups have three digits each."""
    whole, _, fraction = number.partition(mark)
    group = "." if mark == "," else ","
    groups = re.split(rf"[{group}\s]", whole)
    is_grouped = len(groups) > 1
    fits = not is_grouped or (1 <= len(groups[0]) <= 3 and all(len(part) == 3 for part in groups[1:]))
    if not fits or not re.fullmatch(r"[0-9]*", "".join(groups)) or not re.fullmatch(r"[0-9]*", fraction):
        raise ValueError(f"its separators do not fit a number: {_shown(text)}")
    if not "".join(groups) + fraction or (mark in number and not fraction):
        raise ValueError(f"not a number: {_shown(text)}")
    return f"{''.join(groups) or '0'}.{fraction}" if fraction else "".join(groups)


def _offset(zone: str | None) -> tzinfo | None:
    if zone is None:
        return None
    if zone in "Zz":
        return UTC
    return datetime.strptime(f"{zone.replace(':', ''):0<5}", "%z").tzinfo


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
