"""Exact sums of a sales lift by arm; must not know how a lift is estimated from them.

Which sums a question has is analysis/lift_kinds.py's; what a person's values are, lift_values.py's.
"""

from __future__ import annotations

import ibis.expr.types as ir

from cleanroom.analysis.lift_kinds import PEOPLE, Part, weights
from cleanroom.analysis.request import POOLED, ExactRequest, arms_of
from cleanroom.engine.cells import cell_columns, per_cell
from cleanroom.engine.layout import NO_ARM
from cleanroom.engine.lift_arms import with_exposed
from cleanroom.engine.lift_values import VALUES, root, values
from cleanroom.engine.matching import Side, pairs
from cleanroom.engine.session import Session
from cleanroom.model.lift import Design
from cleanroom.model.question import Population, SalesLift

Sums = dict[str, ir.IntegerScalar]


def sales_lift(
    session: Session, request: ExactRequest, question: SalesLift, exposures: Side, sales: Side
) -> dict[str, tuple[int, ...]]:
    """Return every kind of statistic for each arm, or pooled, by exposure cell.

    People without an arm, or with a contradicted one, are matched like all others and then left
    out. Unmatched people have the outcome 0 (population ALL) or are left out (MATCHED).
    """
    if question.counts_exposed:
        exposures = with_exposed(session, exposures, question.exposed_by)
    wanted = _wanted(request, question, exposures)
    kinds = tuple(weights(question, Part.POOLED if request.pooled else Part.CELLS))
    people = tuple(k for k in kinds if k in PEOPLE)
    sums = tuple(k for k in kinds if k not in PEOPLE)
    found = pairs(session, exposures, sales, request.stages, (wanted, {"partner": "person"}))
    outcomes = values(sales, question, request)
    if question.population is Population.MATCHED:
        rows = _with_values(found, outcomes, how="left")
        return per_cell(session, rows, request.domains, _by_arm(rows, kinds, request, question))
    # Whoever has no outcome adds nothing to a sum: only the people are counted without a join.
    everybody = exposures.persons.select(**wanted)
    rows = _with_values(found, outcomes, how="inner")
    return per_cell(
        session, everybody, request.domains, _by_arm(everybody, people, request, question)
    ) | per_cell(session, rows, request.domains, _by_arm(rows, sums, request, question))


def _wanted(request: ExactRequest, question: SalesLift, exposures: Side) -> dict[str, str]:
    """Return the columns of people that are needed; in an observational lift exposure is the arm."""
    cells = cell_columns(request.cell_groupings, exposures.schema.name)
    match question.design:
        case Design.RANDOMIZED:
            return {"arm": "arm", **cells}
        case Design.RANDOMIZED_ENCOURAGEMENT:
            return {"arm": "arm", "exposed": "exposed", **cells}
        case Design.OBSERVATIONAL:
            return {"arm": "exposed", **cells}


def _with_values(found: ir.Table, outcomes: ir.Table, how: str) -> ir.Table:
    """Add values to pairs in an arm: to all of them, or to those with an outcome alone."""
    pairs_in_arms = found.filter(found.arm != NO_ARM).drop("stage")
    joined = pairs_in_arms.join(outcomes, pairs_in_arms.partner == outcomes.person, how=how)
    added = {name: outcomes[name].fill_null(0) for name in VALUES if name in outcomes.columns}
    return joined.select(*pairs_in_arms.columns, **added)


def _by_arm(
    rows: ir.Table, kinds: tuple[str, ...], request: ExactRequest, question: SalesLift
) -> Sums:
    if request.pooled:
        return {f"{k}:{POOLED}": _sum(rows, k, rows.arm != NO_ARM, request) for k in kinds}
    return {
        f"{kind}:{arm}": _sum(rows, kind, rows.arm == code, request)
        for code, arm in enumerate(arms_of(question))
        for kind in kinds
    }


def _sum(
    rows: ir.Table, kind: str, where: ir.BooleanValue, request: ExactRequest
) -> ir.IntegerScalar:
    match kind:
        case "n":
            return rows.arm.count(where=where)
        case "e":
            return rows.arm.count(where=where & (rows.exposed == 1))
        case "r":
            return rows.y.sum(where=where & (rows.exposed == 1))
        case "s" | "x" | "v" | "w":
            return rows["y" if kind == "s" else kind].sum(where=where)
        case _:
            left, right = _FACTORS[kind]
            product = _root(rows, left, request) * _root(rows, right, request)
            return product.sum(where=where)


_FACTORS = {
    "q": ("y", "y"),
    "qx": ("x", "x"),
    "px": ("y", "x"),
    "qv": ("v", "v"),
    "pv": ("y", "v"),
}


def _root(rows: ir.Table, name: str, request: ExactRequest) -> ir.IntegerColumn:
    if name == "v":
        return root(rows.v, 0, request.visits_unit)
    bound = request.residual.bound if request.residual else 0
    return root(rows[name], min(request.low, -bound), request.square_unit)
