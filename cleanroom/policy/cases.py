"""What an officer says that a policy must do, as checked values; knows no YAML, and tries nothing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.question import Question
from cleanroom.policy.document import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come of a question.

    `rules` are None where it must be answered; else it must be refused, and each of them, or a
    path below it, must be among the reasons. `costs_at_most` is an epsilon.
    """

    rules: tuple[str, ...] | None
    costs_at_most: Fraction | None = None
    people_at_least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question of one party and what must come of it; `on_s` None is the policy's first day.

    `epsilon` is the loss offered; None is the most that the policy allows.
    """

    says: str
    asker: str
    question: Question
    on_s: int | None
    epsilon: Fraction | None
    expected: Expected
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The cases of one file, and where their policy is, seen from it."""

    file: str
    policy: str
    cases: tuple[Case, ...]
