"""Exact numbers of purchases after contacts; must not know how a share is estimated from them.

A purchase follows a contact when the last contact before it is recent enough, so each event is
looked at once, however many contacts and purchases a person has. In one second the contact comes
first: where only days are known, a contact on the day of the purchase counts.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.cells import cell_columns, per_cell
from cleanroom.engine.events import counted
from cleanroom.engine.layout import count_column, measure_column
from cleanroom.engine.matching import Side, pairs
from cleanroom.engine.session import Session
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import MAX_TIME_S
from cleanroom.model.question import Ropo, RopoDefinition

Values = dict[str, tuple[int, ...]]

_CONTACT, _PURCHASE = 0, 1  # in the order of the events of one second


def ropo(
    session: Session, request: ExactRequest, question: Ropo, exposures: Side, sales: Side
) -> Values:
    """Return the statistics of the question's definition by cell of the people it counts."""
    contacts, purchases = _contacts(exposures, question), _purchases(sales, question)
    found = pairs(
        session, exposures, sales, request.stages, ({"ours": "person"}, {"theirs": "person"})
    )
    # Computed, because Ibis mistakes the columns of what is joined to what was made from it.
    matched = session.computed(found.select("ours", "theirs"))
    preceded = _preceded(matched, contacts, purchases, question.days_s)
    match question.definition:
        case RopoDefinition.CONVERSION:
            return _people(session, request, exposures, "contacted", contacts.person) | _people(
                session, request, exposures, "converted", preceded.ours
            )
        case RopoDefinition.SHARE_OF_SALES:
            return _sums(session, request, sales, ("buyers", "purchases"), purchases) | _sums(
                session,
                request,
                sales,
                (None, "preceded"),
                preceded.select("amount", person="theirs"),
            )


def _contacts(exposures: Side, question: Ropo) -> ir.Table:
    """Return `person` and `at` of every contact: an event, unless it declares counts, all zero."""
    events = _in_time(counted(exposures, question.contact_window, ()))
    counts = [events[count_column(c.name)] > 0 for c in exposures.schema.counts]
    if counts:
        events = events.filter(ibis.or_(*counts))
    return events.select("person", at="occurred_at")


def _purchases(sales: Side, question: Ropo) -> ir.Table:
    """Return `person`, `at` and `amount` of every purchase: an event that makes a buyer."""
    buying = sales.schema.buying
    measure = sales.schema.measure(question.measure) if question.measure else buying
    if buying is None or measure is None:
        raise FieldInvalid(field="measure", expected="a measure that the sales dataset declares")
    events = _in_time(counted(sales, question.window, question.filters))
    events = events.filter(events[measure_column(buying.name)] > 0)
    return events.select("person", at="occurred_at", amount=measure_column(measure.name))


def _in_time(events: ir.Table) -> ir.Table:
    """Leave out times that no clock shows, so that no difference of two overflows."""
    return events.filter(events.occurred_at.between(-MAX_TIME_S, MAX_TIME_S))


def _preceded(matched: ir.Table, contacts: ir.Table, purchases: ir.Table, days_s: int) -> ir.Table:
    """Return `ours`, `theirs` and `amount` of each purchase at most `days_s` after a contact."""
    seen = contacts.join(matched, contacts.person == matched.ours)
    bought = purchases.join(matched, purchases.person == matched.theirs)
    events = ibis.union(
        seen.select("ours", "theirs", "at", kind=_code(_CONTACT), last=seen.at, amount=_none()),
        bought.select("ours", "theirs", "at", kind=_code(_PURCHASE), last=_none(), amount="amount"),
        distinct=False,
    )
    so_far = ibis.cumulative_window(group_by="ours", order_by=["at", "kind"])
    events = events.mutate(last=events["last"].max().over(so_far))
    recent = events.at - events["last"] <= days_s  # null, and so no, before any contact
    return events.filter(events.kind == _PURCHASE, recent).select("ours", "theirs", "amount")


def _code(kind: int) -> ir.IntegerScalar:
    return ibis.literal(kind, "int8")


def _none() -> ir.IntegerScalar:
    return ibis.null("int64")


def _people(
    session: Session, request: ExactRequest, side: Side, name: str, who: ir.IntegerColumn
) -> Values:
    """Return the usable people of a side who are among `who`."""
    cells = cell_columns(request.groupings, side.schema.name)
    everybody = side.persons.select(holder="person", **cells)
    found = everybody.semi_join(who.as_table(), everybody.holder == who)
    return per_cell(session, found, request.domains, {name: found.count()})


def _sums(
    session: Session,
    request: ExactRequest,
    side: Side,
    names: tuple[str | None, str],
    purchases: ir.Table,
) -> Values:
    """Return, of a side's usable people, how many have such purchases and the sum, clipped each."""
    counted_as, summed_as = names
    total = purchases.group_by(holder="person").agg(total=purchases.amount.sum())  # 128 bits
    clipped = ibis.least(ibis.greatest(total.total, 0), request.bound)
    sums = total.select("holder", y=clipped.cast("int32"))  # a bound is at most 2^30
    cells = cell_columns(request.groupings, side.schema.name)
    people = side.persons.select(who="person", **cells)
    rows = people.join(sums, people.who == sums.holder)
    statistics = {summed_as: rows.y.sum()}
    if counted_as is not None:
        statistics[counted_as] = rows.count()
    return per_cell(session, rows, request.domains, statistics)
