"""Exact fractions as decimal text, rounded up; must not know what they measure."""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

_DIGITS = Context(prec=6, rounding=ROUND_CEILING)


def decimal_text(value: Fraction) -> str:
    """Return six significant digits, rounded up, without an exponent: '0.5', '0.0000001'."""
    quotient = _DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
    return format(quotient.normalize(), "f")
