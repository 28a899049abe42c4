"""What an asker assumes of the people and wishes of the answer; must not know data or formulas.

None of it is checked against data: a plan under wrong assumptions is a wrong plan, and no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from cleanroom.model.errors import FieldInvalid

MAX_PEOPLE = 2**32  # what sums of clipped values are dimensioned for
POWER = 0.8
SIGNIFICANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """The people of one cell, and what they do without the campaign.

    `people` are those of each arm of a lift, of each dataset of a match rate, or of a cell.
    `matched` is for match rates and (in each other dataset) overlaps, `rate` for buyers (the share
    who buy) and for purchases after contacts, `mean` and `sd` (per person, after the contribution
    bound, in the units the outcome travels in) for sums,
    `correlation` (of a person's outcome before and after) for adjusted lifts, `exposed` (the share
    of the test arm that is reached) for encouragement, and `visits` and `visits_sd` (per person)
    for an average order, whose `correlation` is that of visits and amount.
    """

    people: int
    matched: int | None = None
    rate: float | None = None
    mean: float | None = None
    sd: float | None = None
    correlation: float | None = None
    exposed: float | None = None
    visits: float | None = None
    visits_sd: float | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that no people can have."""
        _check("people", 1 <= self.people <= MAX_PEOPLE, f"from 1 to {MAX_PEOPLE}")
        if self.matched is not None:
            _check("matched", 1 <= self.matched <= self.people, "from 1 to the people assumed")
        if self.rate is not None:
            _check("rate", 0 < self.rate < 1, "a share between 0 and 1, as in 0.02")
        if self.mean is not None:
            _check("mean", math.isfinite(self.mean), "a finite number")
        for name in ("sd", "visits", "visits_sd"):
            value = getattr(self, name)
            if value is not None:
                _check(name, math.isfinite(value) and value > 0, "more than zero")
        if self.exposed is not None:
            _check("exposed", 0 < self.exposed <= 1, "a share above 0, up to 1")
        if self.correlation is not None:
            _check("correlation", -1 < self.correlation < 1, "between -1 and 1")

    @property
    def given(self) -> frozenset[str]:
        """The names of what is assumed."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An interval of `figure` that reaches at most `half_width` to either side of its value."""

    figure: str
    half_width: float

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        expected = "a half-width of more than zero"
        if not (math.isfinite(self.half_width) and self.half_width > 0):
            raise FieldInvalid(field="wish", expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """An assumption, perhaps a wish, and when a lift counts as detected.

    `power` is the probability with which the smallest detectable lift is told from none by a
    two-sided test at `significance`.
    """

    assumed: Assumption
    wish: Wish | None = None
    power: float = POWER
    significance: float = SIGNIFICANCE

    def __post_init__(self) -> None:
        """Refuse probabilities that are none."""
        if not 0 < self.significance < 1:
            raise FieldInvalid(field="significance", expected="between 0 and 1, as in 0.05")
        if not self.significance < self.power < 1:
            raise FieldInvalid(field="power", expected="above the significance and below 1")


def _check(name: str, holds: bool, expected: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise FieldInvalid(field=f"assume.{name}", expected=expected)
