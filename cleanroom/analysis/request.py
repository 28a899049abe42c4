"""What the engine is asked for and what it gives back: exact integers per cell, never released.

Must not know SQL or noise. Requires of an engine: one integer for each statistic and cell, in
the order of `cells(request.domains)`, cells without people included as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.model.allowance import Grouping
from cleanroom.model.consent import Epoch
from cleanroom.model.dataset import Domain, KeyType, VersionRef
from cleanroom.model.lift import Design
from cleanroom.model.question import Question, SalesLift

ARMS = ("control", "test")  # codes 0 and 1 in a sealed version
BY_KEY = "matched:"  # people matched on one key type
UP_TO = "up_to:"  # people whose sum is at most a grid point, and above the point before it
UNMATCHED = "unmatched"
ONLY_IN = "only_in:"  # people matched in these datasets of an overlap and in no other
EXPOSURE = ("unexposed", "exposed")  # codes 0 and 1 of an observational lift
POOLED = "pooled"  # everybody in an arm, over all cells

THETA_ONE = 2**16  # a theta of one: it is public and exact, an integer over this
MAX_THETA = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """What the second stage of an adjustment sums: y - theta x, clipped to [-bound, bound].

    `theta` is in parts of THETA_ONE; the residual is rounded to whole units before the clip.
    """

    theta: int
    bound: int

    def __post_init__(self) -> None:
        """Products with any value stay far below 2^63."""
        if abs(self.theta) > MAX_THETA * THETA_ONE or self.bound < 1:
            raise ValueError(f"theta is within {MAX_THETA} and the bound at least one")


def arms_of(question: Question) -> tuple[str, str]:
    """Return the names of the two groups that a lift compares, by code."""
    if isinstance(question, SalesLift) and question.design is Design.OBSERVATIONAL:
        return EXPOSURE
    return ARMS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactRequest:
    """A resolved question over pinned versions.

    `versions` follow `question.datasets`. `stages` are the key types in order of priority.
    `purposes` and the epoch filter people on every side (model/consent.py). `low` and `bound`
    clip the sum of a person's measure and `square_unit` is the unit in which squares are taken, so that
    sum(round(y / square_unit)^2) fits 64 bits (1 for bounds up to 32768); `visits_bound` and
    `visits_unit` are the same for the visits of an average order. `strata` make cells within the
    cells. A lift adjusted in two stages asks first for `pooled` moments, then for a `residual`.
    """

    question: Question
    versions: tuple[VersionRef, ...]
    groupings: tuple[Grouping, ...]
    stages: tuple[KeyType, ...]
    purposes: int
    epoch_s: int
    bound: int = 1
    square_unit: int = 1
    low: int = 0
    visits_bound: int = 1
    visits_unit: int = 1
    strata: tuple[Grouping, ...] = ()
    pooled: bool = False
    residual: Residual | None = None
    epoch_days: int = 1
    max_age_days: int | None = None

    @property
    def epoch(self) -> Epoch:
        """The days for which consent is judged."""
        return Epoch(start_s=self.epoch_s, days=self.epoch_days, max_age_days=self.max_age_days)

    @property
    def cell_groupings(self) -> tuple[Grouping, ...]:
        """What makes the cells: the groupings, then the strata; nothing where all is pooled."""
        return () if self.pooled else (*self.groupings, *self.strata)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains whose cross product makes the cells."""
        return tuple(g.domain for g in self.cell_groupings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Integers by statistic name, each a tuple over the cells in order.

    Names: `people:<dataset>`, `matched`, `matched:<key type>`; for a lift one of each kind of
    analysis/lift_kinds.py for each arm, `n:<arm>`, `s:<arm>`, … or pooled, `n:pooled`, …; for a
    contribution bound `up_to:<point>` for each point of its grid; for an overlap those of
    `pattern_name`; for a ROPO conversion `contacted` and `converted` people, for a share of sales
    `buyers`, `purchases` (sum of clipped purchases) and `preceded` (of those after a contact).
    """

    values: dict[str, tuple[int, ...]]


def pattern_name(pattern: tuple[str, ...]) -> str:
    """Return the name under which a pattern of an overlap is released."""
    return f"{ONLY_IN}{'+'.join(pattern)}" if pattern else UNMATCHED
