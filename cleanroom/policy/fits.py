"""Whether what was brought under one policy may be used under another; must not know versions.

Requires: both policies are of one collaboration, and every change between them is accepted.
Ensures: where it fits, a version sealed under the old one holds, in the columns and codes of the
new one, every row that an upload under the new one would have sealed. Rows that the new one would
have left out are left out of every answer by the purposes of its questions.
"""

from __future__ import annotations

from functools import lru_cache

from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.document import DatasetRules, Policy


@lru_cache(maxsize=256)
def only_tightens(old: Policy, new: Policy) -> bool:
    """Tell whether nothing that `old` protects is protected less by `new`."""
    return all(change.direction is not Direction.LOOSER for change in compare(old, new))


@lru_cache(maxsize=256)
def still_fits(old: Policy, new: Policy, dataset: str) -> bool:
    """Tell whether what was brought to a dataset under `old` may be used under `new` as it is.

    1. Nothing is looser: else its owner brings it again, under what it then has accepted.
    2. Tokens are made alike: the same matching, by the same owners in the same order.
    3. Columns and their codes are the same; bounds, minimum and budget may differ.
    4. Rows rest on the same bases, which no question asks for again; and a row that any question
       may read was already let in.
    """
    before, after = old.dataset(dataset), new.dataset(dataset)
    if before is None or after is None or not only_tightens(old, new):  # 1
        return False
    if (old.matching, old.owners()) != (new.matching, new.owners()):  # 2
        return False
    if _shape(before) != _shape(after):  # 3
        return False
    if set(old.consent.bases) != set(new.consent.bases):  # 4
        return False
    let_in = old.sealable_purposes()
    return all(any(p & wanted == p for p in let_in) for wanted in new.sealable_purposes())


def _shape(rules: DatasetRules) -> tuple[object, ...]:
    schema = rules.schema
    sums = tuple((b.name, b.unit) for b in (*schema.counts, *schema.measures))
    columns = (schema.keys, schema.dimensions, schema.filters, schema.timed, rules.time_column)
    return (schema.owner, *columns, len(schema.counts), sums, rules.arm)
