"""One change between two policies, and how values are shown in it; must not know any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from cleanroom.policy.document import Policy
from cleanroom.policy.orders import ORDERS, Direction, direction

NOTHING = "nothing"
_DAY_S = 86_400
_EXACT = Context(prec=100)  # a policy's numbers have at most 40 digits
_PLAIN_FROM, _PLAIN_BELOW = -4, 9  # powers of ten that are written out


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs at `path`: None before stands for what is new, None after for what is gone.

    `concerned` are the parties whose people's data the change is about, which have to accept it
    where it is looser. `words` is one sentence without its end.
    """

    path: str
    direction: Direction
    before: str | None
    after: str | None
    concerned: frozenset[str]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two policies that are compared, and whom a change of all of them concerns."""

    old: Policy
    new: Policy

    @property
    def everybody(self) -> frozenset[str]:
        """Whoever owns a dataset in either: their people are who any answer is about."""
        return frozenset({*self.old.owners(), *self.new.owners()})


def leaf(
    key: str, path: str, values: tuple[Any, Any], concerned: frozenset[str], **names: str
) -> Iterator[Change]:
    """Yield the change of one value, if it is one, by the order of `key`."""
    before, after = values
    if before == after:
        return
    rule = ORDERS[key]
    shown_before, shown_after = (rule.nothing if v is None else shown(v) for v in values)
    yield Change(
        path=path,
        direction=direction(rule.order, before, after),
        before=shown_before,
        after=shown_after,
        concerned=concerned,
        words=rule.words.format(path=path, before=shown_before, after=shown_after, **names),
    )


def gone_or_new(
    key: str,
    path: str,
    names: tuple[Iterable[str], Iterable[str]],
    concerned: frozenset[str],
    words: tuple[str, str],
) -> Iterator[Change]:
    """Yield a change for each name that only one of two sets has; `words` are of gone and of new."""
    old, new = (tuple(n) for n in names)
    gone, added = words
    for name in old:
        if name not in new:
            yield Change(
                path=f"{path}.{name}",
                direction=direction(ORDERS[key].order, {name}, ()),
                before=name,
                after=None,
                concerned=concerned,
                words=gone.format(name=name),
            )
    for name in new:
        if name not in old:
            yield Change(
                path=f"{path}.{name}",
                direction=direction(ORDERS[key].order, (), {name}),
                before=None,
                after=name,
                concerned=concerned,
                words=added.format(name=name),
            )


def day(time_s: int) -> date:
    """Return the UTC day that holds a unix time."""
    return date(1970, 1, 1) + timedelta(seconds=time_s)


def last_day(until_s: int) -> date:
    """Return the last day of a period that ends at `until_s`."""
    return day(until_s - _DAY_S)


def shown(value: Any) -> str:
    """Return a value as an officer would write it."""
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, (tuple, list, frozenset, set)):
        items = value if isinstance(value, (tuple, list)) else sorted(value)
        return ", ".join(str(v) for v in items) or NOTHING
    return str(value)


def decimal_text(value: Fraction) -> str:
    """Return a decimal number of a policy, `0.5` or `1e-7`, exactly."""
    number = _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    number = number.normalize(_EXACT)
    plain = _PLAIN_FROM <= number.adjusted() < _PLAIN_BELOW
    return f"{number:f}" if plain else f"{number:e}".replace("e+", "e")
