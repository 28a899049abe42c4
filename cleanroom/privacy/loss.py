"""Privacy losses as exact integers of nano-rho, and their exchange with (epsilon, delta).

Must not know who pays; no loss here is ever a float. Losses are rounded up, budgets down.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from cleanroom.model.errors import FieldInvalid

NANO = 10**9  # nano-rho in one rho of zero-concentrated differential privacy (zCDP)

_DECIMAL = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_EPSILON_GRID = 10**12  # epsilons are rounded up to a multiple of 1e-12
_UP = Context(prec=60, rounding=ROUND_CEILING)
_NEAREST = Context(prec=60, rounding=ROUND_HALF_EVEN)
_SEARCH_STEPS = 120


def parse_loss_text(text: str) -> Fraction:
    """Return the exact value of decimal text such as `0.05` or `1e-7`.

    Raises FieldInvalid for signs, blanks, names such as `inf`, and everything else.
    """
    if not _DECIMAL.fullmatch(text):
        raise FieldInvalid(field="loss", expected="a decimal number such as 0.05 or 1e-7")
    return Fraction(text)


def rho_to_nano(rho: Fraction) -> int:
    """Return `rho` in nano-rho, rounded up; raise FieldInvalid unless it is more than zero."""
    if rho <= 0:
        raise FieldInvalid(field="loss", expected="more than zero")
    return math.ceil(rho * NANO)


def nano_rho_text(nano_rho: int) -> str:
    """Return exact decimal text of the loss in rho, `0.000000001` for one nano-rho."""
    whole, rest = divmod(nano_rho, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").removesuffix(".")


def epsilon_of(nano_rho: int, delta: Fraction) -> Fraction:
    """Return an epsilon such that rho-zCDP gives (epsilon, delta)-DP, rounded up to 1e-12.

    CKS20, Proposition 12: for *every* alpha > 1, rho-zCDP gives (epsilon, delta) with

        epsilon = alpha rho + ln(1 / (alpha delta)) / (alpha - 1) + ln(1 - 1 / alpha).

    Ensures: never below the true value of this bound. A float search only chooses alpha; the
    bound at that alpha is then taken exactly, with its two logarithms rounded up. A poor alpha
    could make the result larger, never smaller.
    Raises FieldInvalid for a negative loss or a delta outside (0, 1).
    """
    _check_delta(delta)
    if nano_rho < 0:
        raise FieldInvalid(field="loss", expected="zero or more")
    if nano_rho == 0:
        return Fraction(0)
    rho = Fraction(nano_rho, NANO)
    alpha = 1 + Fraction(_best_order(float(rho), float(delta)))
    bound = alpha * rho + _ln_up(1 / (alpha * delta)) / (alpha - 1) + _ln_up((alpha - 1) / alpha)
    return max(Fraction(0), Fraction(math.ceil(bound * _EPSILON_GRID), _EPSILON_GRID))


@lru_cache(maxsize=1024)  # asked for the same few budgets while a ledger is locked
def nano_rho_of_budget(epsilon: Fraction, delta: Fraction) -> int:
    """Return the largest loss whose `epsilon_of` is at most `epsilon`: rounded down.

    Where epsilon is above zero, one nano-rho more costs at least 1e-9 of it, far above the grid
    of `epsilon_of`, so there is one place where the budget ends. Raises FieldInvalid for a budget too small
    for one nano-rho, or a delta outside (0, 1).
    """
    _check_delta(delta)
    if epsilon <= 0 or epsilon_of(1, delta) > epsilon:
        raise FieldInvalid(field="epsilon", expected="a budget of at least one nano-rho")
    low, high = 1, 2
    while epsilon_of(high, delta) <= epsilon:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def _check_delta(delta: Fraction) -> None:
    if not 0 < delta < 1:
        raise FieldInvalid(field="delta", expected="more than 0 and less than 1")


def _best_order(rho: float, delta: float) -> float:
    """Return a good alpha - 1. The bound is quasi-convex in alpha, so a ternary search finds it."""

    def bound(log_order: float) -> float:
        order = math.exp(log_order)  # alpha - 1
        logs = -math.log(delta) - math.log1p(order)
        return (1 + order) * rho + logs / order + math.log(order) - math.log1p(order)

    low, high = -20.0, 40.0
    for _ in range(_SEARCH_STEPS):
        third = (high - low) / 3
        left, right = low + third, high - third
        low, high = (low, right) if bound(left) < bound(right) else (left, high)
    return math.exp((low + high) / 2)


def _ln_up(value: Fraction) -> Fraction:
    """Return a number at or above ln(value), value > 0.

    `Decimal.ln` is correctly rounded (General Decimal Arithmetic, section "ln"), so the next
    representable number is an upper bound; the quotient before it is rounded up.
    """
    quotient = _UP.divide(Decimal(value.numerator), Decimal(value.denominator))
    return Fraction(_NEAREST.next_plus(_NEAREST.ln(quotient)))
