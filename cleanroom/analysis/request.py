"""What the engine is asked for and what it gives back: exact integers per cell, never released.

Must not know SQL or noise. Requires of an engine: one integer for each statistic and cell, in
the order of `cells(request.domains)`, cells without people included as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.model.allowance import Grouping
from cleanroom.model.dataset import Domain, KeyType, VersionRef
from cleanroom.model.question import Question

ARMS = ("control", "test")  # codes 0 and 1 in a sealed version
UP_TO = "up_to:"  # people whose sum is at most a grid point, and above the point before it
UNMATCHED = "unmatched"
ONLY_IN = "only_in:"  # people matched in these datasets of an overlap and in no other


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactRequest:
    """A resolved question over pinned versions.

    `versions` follow `question.datasets`. `stages` are the key types in order of priority.
    `purposes` and `epoch_s` filter people on every side (model/consent.py). `bound` clips the
    sum of a person's measure and `square_unit` is the unit in which squares are taken, so that
    sum(round(y / square_unit)^2) fits 64 bits (1 for bounds up to 32768).
    """

    question: Question
    versions: tuple[VersionRef, ...]
    groupings: tuple[Grouping, ...]
    stages: tuple[KeyType, ...]
    purposes: int
    epoch_s: int
    bound: int = 1
    square_unit: int = 1

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The domains whose cross product makes the cells."""
        return tuple(g.domain for g in self.groupings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Integers by statistic name, each a tuple over the cells in order.

    Names: `people:<dataset>`, `matched`, `matched:<key type>`; for a lift and each arm
    `n:<arm>`, `s:<arm>` (sum of clipped outcomes) and `q:<arm>` (sum of their squares); for a
    contribution bound `up_to:<point>` for each point of its grid; for an overlap those of
    `pattern_name`; for a ROPO conversion `contacted` and `converted` people, for a share of sales
    `buyers`, `purchases` (sum of clipped purchases) and `preceded` (of those after a contact).
    """

    values: dict[str, tuple[int, ...]]


def pattern_name(pattern: tuple[str, ...]) -> str:
    """Return the name under which a pattern of an overlap is released."""
    return f"{ONLY_IN}{'+'.join(pattern)}" if pattern else UNMATCHED
