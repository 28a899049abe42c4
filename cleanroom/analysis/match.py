"""Figures of match rates and segment sizes; must not know arms or outcomes.

The people asked about are the whole population, so these intervals carry noise only.
"""

from __future__ import annotations

from collections.abc import Mapping

from cleanroom.analysis.figures import counted, figure, slug, undefined
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import BY_KEY
from cleanroom.model.dataset import KeyType
from cleanroom.model.measurement import Figure
from cleanroom.privacy.intervals import Estimate, ratio

_PEOPLE_PREFIX = "people:"
_BELOW = "fewer people than the suppression line"


def match_rate(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return people, matched people, rates over each dataset's people, and shares by key type.

    Requires people and matched people in `values`, none of them zero; a key type may be missing.
    """
    datasets = [n.removeprefix(_PEOPLE_PREFIX) for n in plan.released if _is_people(n)]
    matched = _noisy(plan, values, "matched")
    people = {d: _noisy(plan, values, f"{_PEOPLE_PREFIX}{d}") for d in datasets}
    stages = plan.stages if len(plan.stages) > 1 else ()
    return (
        *(_count(plan, f"people_{slug(d)}", values, f"{_PEOPLE_PREFIX}{d}") for d in datasets),
        _count(plan, "matched", values, "matched"),
        *(_rate(plan, f"match_rate_{slug(d)}", ratio(matched, e)) for d, e in people.items()),
        *(f for key in stages for f in _key_figures(plan, values, key, matched)),
    )


def segment_size(plan: Plan, values: Mapping[str, int]) -> tuple[Figure, ...]:
    """Return the number of people of a cell."""
    (name,) = plan.released
    return (_count(plan, "people", values, name),)


def _key_figures(
    plan: Plan, values: Mapping[str, int], key: KeyType, matched: Estimate
) -> tuple[Figure, Figure]:
    count, share = f"matched_{key}", f"share_{key}"
    if f"{BY_KEY}{key}" not in values:
        return undefined(count, "people", _BELOW), undefined(share, "share", _BELOW)
    by_key = _noisy(plan, values, f"{BY_KEY}{key}")
    return (
        _count(plan, count, values, f"{BY_KEY}{key}"),
        _rate(plan, share, ratio(by_key, matched)),
    )


def _noisy(plan: Plan, values: Mapping[str, int], name: str) -> Estimate:
    return Estimate(value=values[name], noise_variance=plan.statistic(name).noise_sd ** 2)


def _count(plan: Plan, name: str, values: Mapping[str, int], released: str) -> Figure:
    scale = plan.statistic(released).scale
    return counted(name, "people", values[released], scale, plan.level)


def _rate(plan: Plan, name: str, estimate: Estimate) -> Figure:
    return figure(name, "share", estimate, plan.level, sampled=False)


def _is_people(name: str) -> bool:
    return name.startswith(_PEOPLE_PREFIX)
