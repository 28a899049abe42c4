"""How one value of a partner's table becomes an integer; knows no files, lines or columns.

Each function takes trimmed text, empty for a missing value, and raises WrongValue with what was
expected. None repeats an amount or a time in its message: those belong to a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from cleanroom_client.tables.errors import WrongValue, join_names, shown
from cleanroom_client.tables.schema import ARM_CONTROL, ARM_NONE, ARM_TEST
from cleanroom_client.tables.spec import BASIS_MARKS, OTHER, PURPOSES, ArmSpec, Basis

Convert = Callable[[str], int]

_INT64_MAX = 2**63 - 1
_AMOUNT = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,2}))?")
# Tables that went through a float column write whole numbers as 3.0.
_WHOLE = re.compile(r"([0-9]{1,19})(?:\.0+)?")
_UNIX = re.compile(r"(-?[0-9]{1,19})(?:\.0+)?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].+)?")
_NOT_A_NUMBER = {"nan", "inf", "-inf", "infinity", "-infinity", "null", "none", "na", "n/a"}
_FLAGS = {"1": 1, "true": 1, "1.0": 1, "0": 0, "false": 0, "0.0": 0, "": 0}
_SEPARATORS = re.compile(r"[\s;,|]+")
_REMEMBERED = 2**16
EARLIEST_S = 946_684_800  # 2000-01-01
LATEST_S = 253_402_300_799  # 9999-12-31, which lists use for "no end"


def remembered(convert: Convert) -> Convert:
    """Return `convert` with a memory of what it took lately: most columns repeat their texts."""
    return lru_cache(_REMEMBERED)(convert)


def amount(text: str) -> int:
    """Return money such as `12.50` as minor units, 1250."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise WrongValue(f"expected an amount such as 12.50, {_amount_fault(text)}")
    whole, fraction = match[1], (match[2] or "").ljust(2, "0")
    return _bounded(int(whole + fraction))


def _amount_fault(text: str) -> str:
    if not text:
        return "but it is empty"
    if text.lower() in _NOT_A_NUMBER:
        return "but it is not a number (NaN): leave such rows out or write 0.00"
    if re.fullmatch(r"-[0-9.,]+", text):
        return "but it is negative: net returns against purchases, or leave them out"
    if re.fullmatch(r"[0-9\s]+,[0-9]+", text):
        return "with a decimal point, not a decimal comma"
    if re.fullmatch(r"[0-9]+\.[0-9]{3,}", text):
        return "but it has more than 2 decimals: round it first"
    if re.fullmatch(r"[0-9]{20,}(\.[0-9]+)?", text):
        return "but it is too large"
    return "in digits with a decimal point, without currency signs or thousands separators"


def whole(text: str) -> int:
    """Return a count, zero or more."""
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise WrongValue(f"expected a whole number, zero or more, such as 3{_blank(text)}")
    return _bounded(int(match[1]))


def _bounded(value: int) -> int:
    if value > _INT64_MAX:
        raise WrongValue("expected a number below 2^63, but it is too large")
    return value


def _blank(text: str) -> str:
    return "" if text else ", but it is empty"


def moment(text: str) -> int:
    """Return a time as unix seconds; a date is its first second in UTC.

    Takes ISO 8601 (without a zone: UTC) and whole unix seconds, from the year 2000 on.
    """
    number = _UNIX.fullmatch(text)
    seconds = int(number[1]) if number else _iso_seconds(text)
    if seconds > LATEST_S:
        raise WrongValue("expected seconds since 1970, but the number looks like milliseconds")
    if seconds < EARLIEST_S:
        raise WrongValue("expected a time from 2000-01-01 on, but it is earlier")
    return seconds


def _iso_seconds(text: str) -> int:
    expected = "expected a date such as 2026-03-01, a time such as 2026-03-01T12:30:00Z, or seconds"
    if not _ISO.fullmatch(text):
        raise WrongValue(f"{expected} since 1970{_blank(text)}")
    try:
        parsed = datetime.fromisoformat(text)
        zoned = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return int(zoned.timestamp())
    except (ValueError, OverflowError):
        raise WrongValue(f"{expected} since 1970, but there is no such date or time") from None


def moment_or_zero(text: str) -> int:
    """Return `moment`, or 0 for nothing: whether nothing is allowed depends on the row."""
    return moment(text) if text else 0


def purposes(text: str) -> int:
    """Return the bitmap of purposes separated by spaces, `;`, `,` or `|`; none is 0."""
    bits = 0
    for name in filter(None, _SEPARATORS.split(text)):
        bit = PURPOSES.get(name.lower())
        if bit is None:
            known = ", ".join(PURPOSES)
            raise WrongValue(f"{shown(name)} is not a purpose: expected any of {known}")
        bits |= bit
    return bits


def basis(text: str) -> int:
    """Return the mark of the basis named; nothing is consent."""
    name = text.lower() or Basis.CONSENT
    if name not in tuple(Basis):
        raise WrongValue(f"{shown(text)} is not a basis: expected one of {', '.join(Basis)}")
    return BASIS_MARKS[Basis(name)]


def flag(text: str) -> int:
    """Return 1 for a signal that is set, 0 for one that is not, or nothing."""
    value = _FLAGS.get(text.lower())
    if value is None:
        raise WrongValue(f"{shown(text)} is no flag: expected 1, 0, true, false or nothing")
    return value


def in_domain(domain: tuple[str, ...]) -> Convert:
    """Return the function from a value to its place in `domain`, or to that of `other`."""
    codes: Mapping[str, int] = {value: code for code, value in enumerate(domain)}
    other = codes.get(OTHER)

    def code(text: str) -> int:
        found = codes.get(text, other)
        if found is None:
            what = f"{shown(text)} is not declared" if text else "the value is empty"
            raise WrongValue(f"{what}: expected one of {join_names(list(domain))}")
        return found

    return code


def in_arm(arm: ArmSpec) -> Convert:
    """Return the function from a value to its arm; an empty value is in none."""
    codes = {arm.test: ARM_TEST, arm.control: ARM_CONTROL, "": ARM_NONE}

    def code(text: str) -> int:
        found = codes.get(text)
        if found is None:
            expected = f"{arm.test!r}, {arm.control!r} or nothing"
            raise WrongValue(f"{shown(text)} is not an arm: expected {expected}")
        return found

    return code
