"""Figures of a lift whose strata are weighted by their people; must not know how arms came about.

With N_h = n_th + n_ch, N their sum over the strata that are kept, and w_h = N_h / N:

    m_a = sum_h w_h m_ah        D = sum_h w_h (m_th - m_ch)

The weights carry noise like every count, and chance: people fall into strata at random, so that
N_h has the variance N w_h (1 - w_h) (Cochran, "Sampling Techniques", 1977, section 5A.9).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from cleanroom.analysis.lift_arms import Arm, Numbers
from cleanroom.analysis.lift_compare import (
    Comparison,
    arms,
    comparison_figures,
    lift_of,
    mean_unit,
    plain_figure,
    traced_figure,
)
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import arms_of
from cleanroom.analysis.traced import Errors, Traced, total
from cleanroom.model.dataset import Cell
from cleanroom.model.measurement import Figure

Stratum = tuple[Arm, Arm]


def suffix(stratum: Cell) -> str:
    """Return what follows a statistic's name in a stratum: `/ufa`, `/ufa/gold`."""
    return "".join(f"/{value}" for value in stratum)


def is_kept(plan: Plan, values: Mapping[str, int], stratum: Cell) -> bool:
    """Return whether both arms of a stratum have enough noisy people."""
    names = (f"n:{arm}{suffix(stratum)}" for arm in arms_of(plan.question))
    return all(values.get(name, 0) >= plan.line for name in names)


def post_stratified(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    """Return arms and difference over the strata that are kept; requires one at least."""
    kept = [s for s in plan.strata if is_kept(plan, numbers.values, s)]
    strata = [arms(numbers, plan.question, suffix(s)) for s in kept]
    errors = Errors(noise=numbers.noise, chance=_chance(strata))
    control, test = (_weighted(strata, place) for place in (0, 1))
    difference = test - control
    treated = total(stratum[1].people for stratum in strata)
    found = Comparison(
        difference=difference, errors=errors, base=control, total=difference * treated
    )
    return (
        *(f for place in (0, 1) for f in _arm_figures(plan, strata, place, errors)),
        *comparison_figures(plan, found),
        plain_figure("strata_used", "strata", len(kept)),
        plain_figure("strata_left_out", "strata", len(plan.strata) - len(kept)),
    )


def _people(stratum: Stratum) -> Traced:
    """Return the people of a stratum, with the chance of a weight as a source of its own."""
    control, test = stratum
    people = control.people + test.people
    return Traced(value=people.value, slopes={**people.slopes, _weight(stratum): 1.0})


def _weight(stratum: Stratum) -> str:
    return f"weight:{stratum[0].group}"


def _weighted(strata: list[Stratum], place: int) -> Traced:
    people = [_people(s) for s in strata]
    sums = (n * s[place].mean() for n, s in zip(people, strata, strict=True))
    return total(sums) / total(people)


def _chance(strata: list[Stratum]) -> dict[tuple[str, str], float]:
    people = {_weight(s): _people(s).value for s in strata}
    everybody = sum(people.values())
    found = {
        (a, b): (people[a] if a == b else 0.0) - people[a] * people[b] / everybody
        for a, b in product(people, repeat=2)
    }
    for stratum in strata:
        for arm in stratum:
            found |= arm.chance("s")
    return found


def _arm_figures(
    plan: Plan, strata: list[Stratum], place: int, errors: Errors
) -> tuple[Figure, ...]:
    name = arms_of(plan.question)[place]
    amount = "buyers" if lift_of(plan).is_share else "total"
    people = total(s[place].people for s in strata)
    bought = total(s[place].sum("s") for s in strata)
    mean = _weighted(strata, place)
    return (
        traced_figure(plan, f"people_{name}", "people", people, errors, sampled=False),
        traced_figure(plan, f"{amount}_{name}", plan.outcome_unit, bought, errors, sampled=False),
        traced_figure(plan, f"mean_{name}", mean_unit(plan), mean, errors),
    )
