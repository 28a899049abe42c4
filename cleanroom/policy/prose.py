"""Numbers, days and lists as a person writes them; must not know what they are about."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from cleanroom.policy.changes import decimal_text

_MANY = Fraction(20)  # above e^20 a factor says nothing to anybody


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return `a`, `a and b` or `a, b and c`; `nothing` for no words."""
    *first, end = tuple(words) or ("nothing",)
    return f"{', '.join(first)} {last} {end}" if first else end


def day_text(day: date) -> str:
    """Return `1 March 2026`."""
    return f"{day.day} {day:%B} {day.year}"


def chance(probability: Fraction) -> str:
    """Return `1 in 1,000,000`, or the number where it is not one in a whole number."""
    if probability.numerator == 1:
        return f"1 in {probability.denominator:,}"
    return decimal_text(probability)


def odds(epsilon: Fraction) -> str:
    """Return e^epsilon in words, rounded up."""
    if epsilon > _MANY:
        return f"e^{decimal_text(epsilon)}, which is no protection to speak of"
    factor = math.exp(epsilon)
    shown = f"{math.ceil(factor):,}" if factor >= 10 else f"{math.ceil(factor * 100) / 100:g}"  # noqa: PLR2004
    return f"{shown} (e^{decimal_text(epsilon)})"


def counted(number: int, one: str, many: str) -> str:
    """Return `1 question` or `7 questions`."""
    return f"{number:,} {one if number == 1 else many}"
