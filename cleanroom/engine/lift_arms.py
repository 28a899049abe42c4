"""Who was exposed, by a count of the exposures dataset; must not know outcomes."""

from __future__ import annotations

from dataclasses import replace

from cleanroom.engine.events import totals
from cleanroom.engine.matching import Side
from cleanroom.engine.session import Session
from cleanroom.model.errors import FieldInvalid


def with_exposed(session: Session, exposures: Side, count: str) -> Side:
    """Return the side with `exposed` (0 or 1): whether the person's rows add up to above zero."""
    if exposures.schema.count(count) is None:
        raise FieldInvalid(field="exposed_by", expected="a declared count")
    sums = totals(exposures, count, None, ())
    seen = sums.filter(sums.total > 0).select(seen="holder")
    persons = exposures.persons
    joined = persons.left_join(seen, persons.person == seen.seen)
    exposed = joined.select(*persons.columns, exposed=joined.seen.notnull().cast("int8"))
    # Computed, because the stages of matching look at people several times.
    return replace(exposures, persons=session.computed(exposed))
