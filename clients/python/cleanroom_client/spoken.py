"""Numbers as they stand in a sentence; must not know what they measure.

Money comes in minor units and is said with two decimals. As many decimals are said as the
interval leaves a meaning: two digits of its half-width.
"""

from __future__ import annotations

import math

from cleanroom_client.measurement import Figure

_MOST_DECIMALS = 6
_MINOR_PER_MAJOR = 100


def said(figure: Figure) -> str:
    """Return the value: `12.3%`, `1,234`, `12.34`. Requires a value."""
    return _number(figure, figure.value or 0.0)


def said_interval(figure: Figure) -> str:
    """Return `1.0% to 3.2%`. Requires an interval."""
    return f"{_number(figure, figure.low or 0.0)} to {_number(figure, figure.high or 0.0)}"


def more_or_less(figure: Figure, unit: str = "") -> str:
    """Return a difference: `2.11 percentage points more`, `0.40 less`. Requires a value."""
    return _direction(figure, figure.value or 0.0, unit)


def more_or_less_interval(figure: Figure, unit: str = "") -> str:
    """Return `1.02 to 3.20 more`, or `from 0.40 less to 3.20 more`. Requires an interval."""
    low, high = figure.low or 0.0, figure.high or 0.0
    if low * high > 0:
        near, far = sorted((low, high), key=abs)
        return f"{_size(figure, near, '')} to {_direction(figure, far, unit)}"
    return f"from {_direction(figure, low, '')} to {_direction(figure, high, unit)}"


def _direction(figure: Figure, value: float, unit: str) -> str:
    return f"{_size(figure, value, unit)} {'less' if value < 0 else 'more'}"


def _size(figure: Figure, value: float, unit: str) -> str:
    percent = "" if figure.unit == "share" else "%"  # a difference of shares is in points
    return f"{_number(figure, abs(value), percent=percent)} {unit}".rstrip()


def _number(figure: Figure, value: float, percent: str = "%") -> str:
    if figure.unit.startswith("minor"):
        return f"{value / _MINOR_PER_MAJOR:,.2f}"
    if figure.unit in {"share", "ratio"}:
        return f"{100 * value:,.{_decimals(figure, 100)}f}{percent}"
    return f"{value:,.{_decimals(figure, 1)}f}"


def _decimals(figure: Figure, scale: int) -> int:
    if figure.low is None or figure.high is None or figure.high <= figure.low:
        return 0
    half = scale * (figure.high - figure.low) / 2
    return min(max(0, 1 - math.floor(math.log10(half))), _MOST_DECIMALS)
