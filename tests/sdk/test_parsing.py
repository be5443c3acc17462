"""Brazilian numbers, dates, truth values and registrations: read exactly, or refused with a clear text."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connections.sdk.parsing import (
    digits,
    format_cnpj,
    format_cpf,
    parse_boolean,
    parse_cnpj,
    parse_cpf,
    parse_date,
    parse_decimal,
    parse_timestamp,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
short = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,56", "1234.56"),
        ("R$ 1.234,56", "1234.56"),
        ("R$1.234.567,8", "1234567.8"),
        ("1\u00a0234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1234.56", "1234.56"),
        ("1234,5678", "1234.5678"),
        ("1.234.567", "1234567"),
        ("1234.567", "1234.567"),
        ("0.123", "0.123"),
        ("0,123", "0.123"),
        (",5", "0.5"),
        ("12,30", "12.30"),
        ("-12", "-12"),
        ("\u221212", "-12"),
        ("+12", "12"),
        ("12,30-", "-12.30"),
        ("- 12,30", "-12.30"),
        ("-R$ 12,30", "-12.30"),
        ("R$ -12,30", "-12.30"),
        ("(12,30)", "-12.30"),
        ("R$ (12,30)", "-12.30"),
        ("(R$ 12,30)", "-12.30"),
        ("12345678901234567890123456789012345678,90", "12345678901234567890123456789012345678.90"),
    ],
)
def test_decimal_without_doubt_is_read_exactly(text, number):
    assert str(parse_decimal(text)) == number


@pytest.mark.parametrize("text", ["1.234", "1,234", "R$ 12.345", "-123,456"])
def test_decimal_that_could_be_two_numbers_is_refused(text):
    with pytest.raises(ValueError, match="thousands or decimals"):
        parse_decimal(text)


def test_known_decimal_mark_settles_the_doubt():
    assert parse_decimal("1.234", mark=",") == 1234
    assert parse_decimal("1.234", mark=".") == Decimal("1.234")
    assert parse_decimal("1,234", mark=".") == 1234


@pytest.mark.parametrize("text", ["1234.56", "1.23", "1,234.56"])
def test_number_that_contradicts_the_known_mark_is_refused(text):
    with pytest.raises(ValueError, match="separators"):
        parse_decimal(text, mark=",")


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "R$", "abc", "1..2", "1.23,45", "12.34.56", "1,2,3", "5,", "1e5", "--1", "-(1)", "(1", "()", "1 2",
     "NaN", "Infinity", "١٢", "12%", "1.234,567.89", "0x10"],
)  # fmt: skip
def test_what_is_no_decimal_is_refused(text):
    with pytest.raises(ValueError):
        parse_decimal(text)


@short
@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_every_amount_written_in_brazilian_comes_back(amount):
    written = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    assert parse_decimal(written) == amount
    assert parse_decimal(f"R$ {written}", mark=",") == amount


@short
@given(st.text(alphabet="0123456789.,-+ ()R$", max_size=14), st.sampled_from([None, ",", "."]))
def test_any_text_is_a_finite_number_or_a_value_error(text, mark):
    try:
        number = parse_decimal(text, mark=mark)
    except ValueError:
        return
    assert number.is_finite()
    assert digits(text).lstrip("0") == digits(f"{number:f}").lstrip("0")


@pytest.mark.parametrize("text", ["2026-12-31", "31/12/2026", "31.12.2026", "31-12-2026", " 31/12/2026 "])
def test_date_is_read_day_first(text):
    assert parse_date(text) == date(2026, 12, 31)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12/31/2026",
        "31/12/26",
        "2026-13-01",
        "29/02/2026",
        "0000-01-01",
        "20261231",
        "2026-12-31T00:00",
        "٣١/١٢/٢٠٢٦",
    ],
)
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match="day|date"):
        parse_date(text)


@short
@given(st.dates())
def test_every_date_comes_back(day):
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.day:02}/{day.month:02}/{day.year:04}") == day


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("31/12/2026 10:20", datetime(2026, 12, 31, 13, 20, tzinfo=UTC)),
        ("31/12/2026  10:20:30,5", datetime(2026, 12, 31, 13, 20, 30, 500_000, tzinfo=UTC)),
        ("2026-12-31T10:20:30", datetime(2026, 12, 31, 13, 20, 30, tzinfo=UTC)),
        ("2026-12-31T10:20:30.123456789Z", datetime(2026, 12, 31, 10, 20, 30, 123_456, tzinfo=UTC)),
        ("2026-12-31 10:20:30-0330", datetime(2026, 12, 31, 13, 50, 30, tzinfo=UTC)),
        ("2026-12-31T10:20+02:00", datetime(2026, 12, 31, 8, 20, tzinfo=UTC)),
        ("2026-12-31T10:20-03", datetime(2026, 12, 31, 13, 20, tzinfo=UTC)),
        ("2018-02-17 23:30", datetime(2018, 2, 18, 1, 30, tzinfo=UTC)),  # the clocks went back: the first of the two
    ],
)
def test_timestamp_without_an_offset_is_in_the_given_zone(text, moment):
    result = parse_timestamp(text, SAO_PAULO)
    assert result == moment and result.tzinfo is UTC


def test_time_that_the_clocks_skipped_is_refused():
    with pytest.raises(ValueError, match="skipped"):
        parse_timestamp("2018-11-04 00:30", SAO_PAULO)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-12-31",
        "2026-12-31T24:00",
        "2026-12-31T10",
        "31/02/2026 10:00",
        "0001-01-01T00:00+14:00",
        "2026-12-31T10:00+99",
    ],
)
def test_what_is_no_timestamp_is_refused(text):
    with pytest.raises(ValueError):
        parse_timestamp(text, UTC)


@short
@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - zone is drawn too
    st.integers(-14 * 60, 14 * 60),
)
def test_every_timestamp_comes_back(naive, minutes):
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_timestamp(moment.isoformat(), SAO_PAULO) == moment


@short
@given(
    st.datetimes(timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-19), timedelta(hours=19)).map(
        lambda offset: timedelta(minutes=offset // timedelta(minutes=1))
    ))),
    st.sampled_from(["", ".5", ".123456", ".123456789"]),
)  # fmt: skip
def test_iso_moment_is_read_at_once_as_it_is_read_piece_by_piece(moment: datetime, fraction: str) -> None:
    head, offset = moment.isoformat(timespec="seconds")[:-6], moment.isoformat()[-6:]
    text = f"{head}{fraction}{offset}"
    try:
        piece_by_piece = parse_timestamp(text.replace("T", "  "), SAO_PAULO)
    except ValueError:
        with pytest.raises(ValueError, match="no such moment"):
            parse_timestamp(text, SAO_PAULO)
    else:
        assert parse_timestamp(text, SAO_PAULO) == piece_by_piece


@pytest.mark.parametrize("text", ["sim", "S", "true", "1", " Yes ", "SIM"])
def test_yes(text):
    assert parse_boolean(text) is True


@pytest.mark.parametrize("text", ["não", "NÃO", "nao", "n", "False", "0"])
def test_no(text):
    assert parse_boolean(text) is False


@pytest.mark.parametrize("text", ["", "2", "talvez", "x"])
def test_neither_yes_nor_no(text):
    with pytest.raises(ValueError, match="neither"):
        parse_boolean(text)


@pytest.mark.parametrize(
    ("text", "cnpj"),
    [
        ("11.222.333/0001-81", "11222333000181"),
        ("11222333000181", "11222333000181"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),  # the example of Receita Federal
        ("12abc34501de35", "12ABC34501DE35"),
    ],
)
def test_cnpj_is_checked_and_brought_to_its_plain_form(text, cnpj):
    assert parse_cnpj(text) == cnpj


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11222333000182",
        "12ABC34501DE36",
        "00000000000000",
        "1122233300018",
        "12ABC34501DEAB",
        "1122233300018\u0661",
    ],
)
def test_wrong_cnpj_is_refused(text):
    with pytest.raises(ValueError, match="CNPJ"):
        parse_cnpj(text)


@pytest.mark.parametrize("text", ["529.982.247-25", "52998224725"])
def test_cpf_is_checked_and_brought_to_its_plain_form(text):
    assert parse_cpf(text) == "52998224725"
    assert format_cpf(text) == "529.982.247-25"


@pytest.mark.parametrize("text", ["", "52998224724", "11111111111", "5299822472", "ABC98224725"])
def test_wrong_cpf_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="CPF") as caught:
        parse_cpf(text)
    assert not text or text not in str(caught.value)


def test_cnpj_is_written_with_its_points():
    assert format_cnpj("12ABC34501DE35") == "12.ABC.345/01DE-35"


@short
@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12))
def test_exactly_one_pair_of_check_digits_fits_a_cnpj(base):
    assume(len(set(base)) > 1)
    valid = []
    for pair in range(100):
        try:
            valid.append(parse_cnpj(f"{base}{pair:02}"))
        except ValueError:
            continue
    assert len(valid) == 1
