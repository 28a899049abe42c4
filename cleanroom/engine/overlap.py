"""Exact people of one dataset by the others they are matched in; must not know shares or sums."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import ExactRequest, pattern_name
from cleanroom.engine.cells import cell_columns, per_cell
from cleanroom.engine.matching import Side, pairs
from cleanroom.engine.session import Session
from cleanroom.model.question import Overlap


def overlap(
    session: Session, request: ExactRequest, question: Overlap, sides: Sequence[Side]
) -> dict[str, tuple[int, ...]]:
    """Return the people of each pattern; `sides` are the hub and the others, in their order."""
    hub, *others = sides
    rows = _with_patterns(session, request, hub, others)
    codes = {p: sum(_bit(question.others.index(o)) for o in p) for p in question.patterns}
    counts = {
        pattern_name(p): rows.pattern.count(where=rows.pattern == c) for p, c in codes.items()
    }
    return per_cell(session, rows, request.domains, counts)


def _with_patterns(
    session: Session, request: ExactRequest, hub: Side, others: Sequence[Side]
) -> ir.Table:
    """Return the hub's people with their cells and `pattern`, a bit for each other dataset."""
    bits = [_matched(session, request, hub, o, _bit(n)) for n, o in enumerate(others)]
    found = ibis.union(*bits, distinct=False).group_by("matched").agg(pattern=ibis._.bit.sum())
    cells = cell_columns(request.groupings, hub.schema.name)
    people = hub.persons.select(who="person", **cells)
    joined = people.left_join(found, people.who == found.matched)
    return joined.select(*cells, pattern=joined.pattern.fill_null(0))


def _matched(session: Session, request: ExactRequest, hub: Side, other: Side, bit: int) -> ir.Table:
    """Return `matched`, the hub's people in pairs with the other dataset, and their `bit`."""
    found = pairs(session, hub, other, request.stages, ({"matched": "person"}, {}))
    # Computed, because Ibis mistakes the columns of people who are joined to what they made.
    return session.computed(found.select("matched", bit=ibis.literal(bit, "int64")))


def _bit(position: int) -> int:
    return 1 << position
