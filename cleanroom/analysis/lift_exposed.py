"""Figures of arms of whom some were exposed: as assigned (ITT), and of those who complied (CACE).

    pi = e_t / n_t - e_c / n_c        CACE = ITT / pi
    Var(CACE) = [Var(ITT) + CACE^2 Var(pi) - 2 CACE Cov(ITT, pi)] / pi^2

The covariance needs the outcome of the exposed, `r`, which is a figure of its own: what reached
people bought. CACE holds if being assigned works through exposure alone, and assignment keeps
nobody from exposure (Angrist, Imbens and Rubin, JASA 91, 1996); neither can be checked here.
"""

from __future__ import annotations

from cleanroom.analysis.figures import undefined
from cleanroom.analysis.lift_arms import Arm, Numbers
from cleanroom.analysis.lift_compare import (
    Comparison,
    arm_figures,
    arms,
    comparison_figures,
    lift_of,
    mean_unit,
    traced_figure,
)
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.traced import Errors, Traced
from cleanroom.model.measurement import Figure
from cleanroom.privacy.intervals import FIELLER_LIMIT, fieller_g

_WEAK = "too few were exposed because they were assigned: exposure differs too little between arms"


def encouragement(plan: Plan, numbers: Numbers) -> tuple[Figure, ...]:
    """Return the figures as assigned, exposure by arm, and the effect on compliers."""
    control, test = arms(numbers, plan.question)
    errors = Errors(noise=numbers.noise, chance=control.chance("s", "e") | test.chance("s", "e"))
    itt = test.mean() - control.mean()
    compliance = test.mean("e") - control.mean("e")
    found = Comparison(difference=itt, errors=errors, base=control.mean(), total=itt * test.people)
    return (
        *(f for arm in (control, test) for f in arm_figures(plan, arm, errors)),
        *(f for arm in (control, test) for f in _exposure(plan, arm, errors)),
        *comparison_figures(plan, found),
        traced_figure(plan, "compliance", "share", compliance, errors),
        _cace(plan, itt, compliance, errors),
    )


def _exposure(plan: Plan, arm: Arm, errors: Errors) -> tuple[Figure, ...]:
    reached = "buyers" if lift_of(plan).is_share else "total"
    return (
        traced_figure(plan, f"exposed_{arm.group}", "people", arm.sum("e"), errors, sampled=False),
        traced_figure(plan, f"exposure_{arm.group}", "share", arm.mean("e"), errors),
        traced_figure(
            plan,
            f"{reached}_exposed_{arm.group}",
            plan.outcome_unit,
            arm.sum("r"),
            errors,
            sampled=False,
        ),
    )


def _cace(plan: Plan, itt: Traced, compliance: Traced, errors: Errors) -> Figure:
    name, unit = "cace", mean_unit(plan)
    weak = fieller_g(errors.estimate(compliance), plan.level) >= FIELLER_LIMIT
    if weak or compliance.value <= 0:
        return undefined(name, unit, _WEAK)
    return traced_figure(plan, name, unit, itt / compliance, errors)
