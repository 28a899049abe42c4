"""How two plans of one question differ, in an officer's words, and which told cells would go.

Must not know decisions. Of an answer it reads what was released: noisy numbers, which everybody
who has the answer has.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from cleanroom.analysis.estimate import kept_of_cell
from cleanroom.analysis.plan import Plan
from cleanroom.audit.words import rho_text
from cleanroom.model.allowance import Allowance
from cleanroom.model.consent import PURPOSES
from cleanroom.model.question import ContributionBound
from cleanroom.privacy.intervals import quantile
from cleanroom.usecases.past import Past

_ALL = "the whole answer"


def differences(
    past: Past, before: tuple[Plan, Allowance] | None, after: tuple[Plan, Allowance]
) -> tuple[str, ...]:
    """Return what differs; without the plan that was carried out, only the cost is known."""
    changes = [*_cost(past, after[0])]
    if before is not None:
        changes = [*_line(before[0], after[0]), *_noise(before[0], after[0]), *changes]
        changes += [*_cells(before[0], after[0]), *_people(before[1], after[1])]
    return tuple(changes)


def _line(before: Plan, after: Plan) -> Iterator[str]:
    if before.line != after.line:
        old, new = before.minimum.people, after.minimum.people
        why = f"its minimum is {new:,} instead of {old:,}" if old != new else "its noise is another"
        yield (
            f"numbers below {after.line:,} people are withheld instead of below {before.line:,}, "
            f"as {why}"
        )


def _noise(before: Plan, after: Plan) -> Iterator[str]:
    """Tell of one number of people: the noise of the others moves with it."""
    old, new = _within(before), _within(after)
    if old != new:
        yield f"a number of people is told to ± {new:,} instead of ± {old:,}"


def _within(plan: Plan) -> int:
    people = [s for s in plan.statistics if s.counts_people]
    number = next((s for s in people if s.name == "matched"), people[0])
    return math.ceil(quantile(plan.level) * number.noise_sd)


def _cost(past: Past, after: Plan) -> Iterator[str]:
    """Tell what each budget pays, in one sentence for more and one for less."""
    old = dict(past.debits)
    new = {str(ledger): cost for ledger, cost in after.debits if cost}
    for word, sign in (("more", 1), ("less", -1)):
        moved = [
            f"{_pool(ledger)} pays rho {rho_text(becomes)} instead of {rho_text(was)}"
            for ledger in dict.fromkeys((*old, *new))
            if sign * ((becomes := new.get(ledger, 0)) - (was := old.get(ledger, 0))) > 0
        ]
        if moved:
            yield f"it costs {word}: {'; '.join(moved)}"


def _pool(ledger: str) -> str:
    return ledger.removeprefix("ledgers/")


def _cells(before: Plan, after: Plan) -> Iterator[str]:
    if before.cells != after.cells or before.strata != after.strata:
        yield f"it has {len(after.cells):,} cells instead of {len(before.cells):,}, or other ones"
    if (before.low, before.bound) != (after.low, after.bound):
        yield (
            f"one person counts from {after.low:,} to {after.bound:,} instead of from "
            f"{before.low:,} to {before.bound:,}"
        )
    if before.stages != after.stages:
        yield f"people are matched by {', '.join(after.stages)}"


def _people(before: Allowance, after: Allowance) -> Iterator[str]:
    """Other purposes are other people: how many is nobody's to know."""
    for verb, bits in (
        ("only people who also agreed to", after.purposes & ~before.purposes),
        ("people count who did not agree to", before.purposes & ~after.purposes),
    ):
        names = [name for name, bit in PURPOSES.items() if bits & bit]
        if names:
            yield f"{verb} {' and '.join(names)}"


def withheld(past: Past, after: Plan) -> tuple[str, ...]:
    """Return the cells that were told and whose noisy numbers do not reach the new line.

    Numbers are taken as they were told; the new policy's noise would have been drawn anew.
    """
    if past.measurement is None or isinstance(after.question, ContributionBound):
        return ()  # a bound is read off a grid of which no cell is told alone
    answer = json.loads(past.measurement)
    pooled = {name: value for name, value in answer["pooled"] if value is not None}
    told = [cell for cell in answer["cells"] if not cell["suppressed"]]
    gone = [cell for cell in told if _is_withheld(after, _numbers(cell) | pooled)]
    if gone == told:
        return (_ALL,) if told else ()
    return tuple(" / ".join(cell["cell"]) for cell in gone)


def _numbers(cell: Mapping[str, Any]) -> dict[str, int]:
    return {name: value for name, value in cell["statistics"] if value is not None}


def _is_withheld(plan: Plan, told: dict[str, int]) -> bool:
    try:
        return kept_of_cell(plan, told) is None
    except KeyError:  # the new plan reads numbers that the old answer does not have
        return False
