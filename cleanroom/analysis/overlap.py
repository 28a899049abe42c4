"""Figures of an overlap from noisy people by pattern; must not know who was matched with whom.

Every figure is a sum of patterns, or a share of one. A sum that needs a withheld pattern is not
given: with the other patterns beside it, it would tell the one that was withheld.
The people asked about are the whole population, so these intervals carry noise only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleanroom.analysis.figures import counted, figure, slug, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import pattern_name
from cleanroom.model.measurement import Figure
from cleanroom.model.question import Overlap
from cleanroom.privacy.intervals import Estimate

_BELOW = "fewer people than the suppression line"
_PART_BELOW = "it would tell a part with fewer people than the suppression line"

Pattern = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """What is kept of one cell, by the names of its patterns."""

    plan: Plan
    question: Overlap
    values: Mapping[str, int]

    def sum(self, wanted: Sequence[Pattern]) -> Estimate | None:
        """Return the people of the patterns together, or None if one of these is withheld."""
        names = [pattern_name(p) for p in wanted]
        if not all(name in self.values for name in names):
            return None
        return Estimate(
            value=sum(self.values[name] for name in names),
            noise_variance=sum(self.plan.statistic(name).noise_sd ** 2 for name in names),
        )

    def people(self, name: str, wanted: Sequence[Pattern]) -> Figure:
        """Return that sum as a figure."""
        found = self.sum(wanted)
        if found is None:
            return undefined(name, "people", _BELOW if len(wanted) == 1 else _PART_BELOW)
        scale = self.plan.statistic(pattern_name(wanted[0])).scale
        return counted(name, "people", found.value, scale, self.plan.level, len(wanted))

    def rate(self, other: str) -> Figure:
        """Return people matched in `other` over all people of the hub."""
        name = f"match_rate_{slug(other)}"
        inside = self.sum([p for p in self.question.patterns if other in p])
        outside = self.sum([p for p in self.question.patterns if other not in p])
        if inside is None or outside is None:
            return undefined(name, "share", _PART_BELOW)
        return figure(name, "share", _part(inside, outside), self.plan.level, sampled=False)


def overlap(plan: Plan, question: Overlap, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return people by pattern, in all, in any, and matched in each dataset with its rate.

    Patterns below the line are missing in `values`; those that are there are above zero.
    """
    cell, patterns = _Cell(plan=plan, question=question, values=values), question.patterns
    return (
        cell.people("people", patterns),
        *(cell.people(_figure_name(question, p), [p]) for p in patterns),
        cell.people("in_any", [p for p in patterns if p]),
        *(
            cell.people(f"matched_{slug(other)}", [p for p in patterns if other in p])
            for other in question.others
        ),
        *(cell.rate(other) for other in question.others),
    )


def _figure_name(question: Overlap, pattern: Pattern) -> str:
    """Return the name of a pattern's figure; labels have no `+`, so that no two are the same."""
    if not pattern:
        return "in_none"
    if pattern == question.others:
        return "in_all"
    return f"only_in_{'+'.join(map(slug, pattern))}"


def _part(inside: Estimate, outside: Estimate) -> Estimate:
    """Return a / (a + b) of independent a and b: ((1 - r)^2 v_a + r^2 v_b) / (a + b)^2."""
    total = inside.value + outside.value
    share = inside.value / total
    spread = (1 - share) ** 2 * inside.noise_variance + share**2 * outside.noise_variance
    return Estimate(value=share, noise_variance=spread / total**2)
