"""Cursors, amounts and addresses for any input."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from transactions.api.cursors import decode_cursor, encode_cursor
from transactions.api.problems import ProblemError
from transactions.api.schemas import MAX_ID, Amount
from transactions.config import load_settings
from transactions.rate_limit import ClientAddresses
from transactions.repository import Position

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(Amount)

positions = st.builds(
    Position,
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.just(UTC)),
    st.integers(1, MAX_ID),
)


@given(positions)
def test_cursor_leads_back_to_its_position(position: Position) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@given(st.text(max_size=100))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        position = decode_cursor(text)
    except ProblemError as error:
        assert error.kind == "invalid-cursor"
    else:
        assert encode_cursor(position) == text


@given(st.decimals(min_value=Decimal("-9999999999999.99"), max_value=Decimal("9999999999999.99"), places=2))
def test_amounts_are_kept_exactly(amount: Decimal) -> None:
    parsed = AMOUNT.validate_python(str(amount))
    assert parsed == amount
    assert AMOUNT.dump_python(parsed) == f"{amount + 0:.2f}"


@given(st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text("0123456789.-+eE _,", max_size=20)))
def test_what_is_no_plain_decimal_string_is_refused_or_exact(value: object) -> None:
    try:
        parsed = AMOUNT.validate_python(value)
    except ValidationError:
        return
    assert isinstance(value, str)
    assert parsed == Decimal(value)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("10.0.0.5", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.5", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.5", "1.2.3.4, 10.0.0.6", "1.2.3.4"),
        ("10.0.0.5", "10.0.0.7, 10.0.0.6", "10.0.0.7"),
        ("10.0.0.5", "1.2.3.4, nonsense", "10.0.0.5"),
        ("10.0.0.5", "2001:db8::1", "2001:db8::1"),
        ("", "1.2.3.4", ""),
    ],
)
def test_client_is_the_last_address_that_no_trusted_proxy_has(peer: str, forwarded: str, expected: str) -> None:
    trusted = load_settings(app_environment="local", trusted_proxies="10.0.0.0/8").trusted_proxies
    assert ClientAddresses(trusted).resolve(peer, forwarded) == expected
