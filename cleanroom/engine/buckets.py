"""Bucketed numbers as columns of people; must not know what is counted.

The bucket of a person follows from that person's own events, so that it is an attribute like any
declared dimension (docs/privacy-guarantee.md, "Bucketed dimensions").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import UP_TO
from cleanroom.engine.cells import bucket_column, per_cell
from cleanroom.engine.events import totals
from cleanroom.engine.matching import Side
from cleanroom.engine.session import Session
from cleanroom.model.allowance import Grouping
from cleanroom.model.buckets import Buckets
from cleanroom.model.contribution import ContributionBound
from cleanroom.model.dataset import Domain

_CODE = "int16"


def with_buckets(session: Session, one: Side, groupings: Sequence[Grouping]) -> Side:
    """Return a side whose people have one more column for each bucketed grouping of it."""
    persons = one.persons
    for position, grouping in enumerate(groupings):
        if grouping.buckets is not None and grouping.dataset == one.schema.name:
            codes = session.computed(_codes(one, grouping.domain.name, grouping.buckets))
            persons = _joined(persons, codes, bucket_column(position), grouping.buckets.place(0))
    return replace(one, persons=persons)


def contributions(
    session: Session, question: ContributionBound, one: Side, bound: int
) -> dict[str, tuple[int, ...]]:
    """Return `up_to:<point>` for each point of the grid: people above the point before it.

    Sums are clipped to `bound`, the last point; people at zero or below are in none.
    """
    points = question.points(bound)
    sums = totals(one, question.measure, question.window, question.filters)
    sums = sums.filter(sums.total > 0)
    above = [point + 1 for point in points[:-1]]  # the least of the next cell
    joined = one.persons.select("person").join(sums, one.persons.person == sums.holder)
    rows = joined.select(cell_0=_place(joined.total, above))
    domain = Domain(name="sum", values=tuple(map(str, points)))
    people = per_cell(session, rows, (domain,), {"people": rows.count()})["people"]
    return {f"{UP_TO}{point}": (n,) for point, n in zip(points, people, strict=True)}


def _codes(one: Side, name: str, buckets: Buckets) -> ir.Table:
    sums = totals(one, name, buckets.window, buckets.filters)
    return sums.select("holder", code=_place(sums.total, buckets.edges))


def _place(total: ir.IntegerColumn, edges: Sequence[int]) -> ir.IntegerColumn:
    """Return how many edges a total reaches."""
    if not edges:
        return ibis.literal(0, _CODE)
    reached = [(total >= edge).cast(_CODE) for edge in edges]
    return sum(reached[1:], start=reached[0]).cast(_CODE)


def _joined(persons: ir.Table, codes: ir.Table, name: str, otherwise: int) -> ir.Table:
    """Return people with their code as `name`; whoever has no event has a sum of zero."""
    joined = persons.left_join(codes, persons.person == codes.holder)
    code = codes.code.fill_null(ibis.literal(otherwise, _CODE))
    return joined.select(*(persons[c] for c in persons.columns), **{name: code})
