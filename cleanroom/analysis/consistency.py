"""Numbers that fit together, made of released noisy ones; never in place of those.

Pure post-processing: reads what a cell releases and the public plan, so it costs no privacy and
anybody can do it again. A number that is withheld is not read either.
Must not know exact values. Sums over cells of these numbers are a little too large, because a
negative count that becomes zero is never made up for; the raw ones have no such bias.

Papers: HRMS10: M. Hay, V. Rastogi, G. Miklau, D. Suciu, "Boosting the Accuracy of Differentially
Private Histograms Through Consistency", VLDB 2010.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom.analysis.figures import rounded
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.request import BY_KEY
from cleanroom.privacy.intervals import Estimate

Consistent = tuple[tuple[str, float | None], ...]
_MATCHED = "matched"
SIGNED = ("s", "r", "x", "w", "px", "pv")  # kinds of lifts that add up outcomes


def blank(names: Sequence[str]) -> Consistent:
    """Return the shape of a suppressed cell."""
    return tuple((name, None) for name in names)


def consistent(plan: Plan, names: Sequence[str], released: Mapping[str, int]) -> Consistent:
    """Return each statistic of a released cell: no count negative, key types adding up.

    Key types are held to their sum, the matched people, where none of them is withheld.
    """
    found = {n: _possible(plan, n, released[n]) for n in names if n in released}
    keys = tuple(n for n in plan.released if n.startswith(BY_KEY))
    if keys and all(n in released for n in (_MATCHED, *keys)):
        noisy = [_noisy(plan, released, n) for n in (_MATCHED, *keys)]
        found |= zip((_MATCHED, *keys), adding_up(noisy[0], noisy[1:]), strict=True)
    return tuple((n, rounded(found[n]) if n in found else None) for n in names)


def adding_up(total: Estimate, parts: Sequence[Estimate]) -> tuple[float, ...]:
    """Return the total and its parts, non-negative, the parts adding up to the total.

    The weighted least squares solution: it minimises (t - T)^2 / v_T + sum (x_i - X_i)^2 / v_i
    over x >= 0 with t = sum x_i (HRMS10, section 4, for one level, with the sign constraint).
    With a multiplier m, x_i = max(0, X_i - m v_i) and t = T + m v_T; the parts that stay above
    zero are those of the largest X_i / v_i, so that m is found by leaving out the smallest.
    """
    free = sorted(parts, key=_drop)  # the first is the first to reach zero
    while free:
        excess = sum(p.value for p in free) - total.value
        multiplier = excess / (total.noise_variance + sum(p.noise_variance for p in free))
        if _drop(free[0]) >= multiplier:
            fitted = tuple(max(0.0, p.value - multiplier * p.noise_variance) for p in parts)
            return (sum(fitted), *fitted)
        free = free[1:]
    return (0.0,) * (1 + len(parts))


def _possible(plan: Plan, name: str, value: int) -> float:
    """Return a count that is not negative; sums that may be negative are left as they are."""
    kind = name.partition(":")[0]
    signed = kind in SIGNED and (plan.low < 0 or plan.residual is not None or bool(plan.pooled))
    return float(value) if signed else max(0.0, float(value))


def _drop(part: Estimate) -> float:
    """Return the multiplier at which a part reaches zero."""
    return part.value / part.noise_variance


def _noisy(plan: Plan, values: Mapping[str, int], name: str) -> Estimate:
    return Estimate(value=values[name], noise_variance=plan.statistic(name).noise_sd ** 2)
