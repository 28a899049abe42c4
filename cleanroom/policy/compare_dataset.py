"""Compares what two policies say a dataset holds; must not know the rules of its owner.

Three changes look tighter and are so only where a proof holds:
1. Fewer values of a domain, with `other` among them: a filter by `other` could name the values
   that are gone, so that is tighter. Cells of a breakdown grow, but fewer of them may let pass a
   question that had too many; tighter only where no question of the old policy had.
2. A lower `max_per_person`: buckets reach less far, and an asker of a lift could choose the lower
   bound already. The bounds of an average order, of purchases after contacts and of a
   contribution bound are the policy's own, and a lower one is told with less noise; tighter only
   where nobody may ask these.
3. A measure that is gone: where another takes its place in telling buyers, that is a new figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod

from cleanroom.model.buckets import MAX_EDGES
from cleanroom.model.dataset import MAX_CELLS, Bounded, DatasetSchema, Domain, Unit
from cleanroom.model.names import MAX_DIMENSIONS
from cleanroom.model.question import Family
from cleanroom.policy.changes import Change, Pair, gone_or_new, leaf, shown
from cleanroom.policy.document import ArmColumn, DatasetRules, Policy
from cleanroom.policy.orders import ORDERS, Direction, direction

OTHER = "other"
_SHOWN = 5  # values named in a sentence
_DOMAIN_WORDS = {
    "dimensions": (
        "no answer is broken down by {name} of {dataset} any more",
        "answers may be broken down by {name} of {dataset}",
    ),
    "filters": (
        "events of {dataset} are not filtered by {name} any more",
        "events of {dataset} may be filtered by {name}",
    ),
}


def schema_changes(pair: Pair, old: DatasetRules, new: DatasetRules) -> Iterator[Change]:
    """Yield the changes of one dataset's columns.

    What is looser concerns everybody: people are counted together with those of other datasets.
    """
    name = new.schema.name
    owners = frozenset({old.schema.owner, new.schema.owner})
    for change in _changes(pair, f"datasets.{name}", old, new, owners):
        looser = change.direction is Direction.LOOSER
        yield replace(change, concerned=pair.everybody) if looser else change


def _changes(
    pair: Pair, path: str, old: DatasetRules, new: DatasetRules, owners: frozenset[str]
) -> Iterator[Change]:
    before, after = old.schema, new.schema
    name = after.name
    both = (before.owner, after.owner)
    yield from leaf("DatasetSchema.owner", f"{path}.owner", both, owners, dataset=name)
    cells = _never_too_many_cells(pair.old)
    for key, proven in (("dimensions", cells), ("filters", True)):
        at = f"{path}.{'event_filters' if key == 'filters' else key}"
        domains = (getattr(before, key), getattr(after, key))
        gone, joins = (w.format(dataset=name, name="{name}") for w in _DOMAIN_WORDS[key])
        named = _names(domains)
        yield from gone_or_new(f"DatasetSchema.{key}", at, named, owners, (gone, joins))
        yield from _domains(at, name, domains, owners, proven=proven)
    yield from _arm(f"{path}.arm", name, old.arm, new.arm, owners)
    yield from _time(f"{path}.time", name, (old.time_column, new.time_column), owners)
    own_bounds = _asked(pair.new, Family.SALES_LIFT)
    yield from _bounded("counts", path, (before.counts, after.counts), owners, own_bounds=False)
    measures = (before.measures, after.measures)
    yield from _bounded("measures", path, measures, owners, own_bounds=own_bounds)
    yield from _told_by(f"{path}.measures", before, after, owners)


def _domains(
    path: str,
    dataset: str,
    domains: tuple[tuple[Domain, ...], tuple[Domain, ...]],
    owners: frozenset[str],
    *,
    proven: bool,
) -> Iterator[Change]:
    old, new = ({d.name: d for d in side} for side in domains)
    for name in (n for n in new if n in old):
        values = (old[name].values, new[name].values)
        what = f"{name} of {dataset}"
        for change in leaf("Domain.values", f"{path}.{name}", values, owners, what=what):
            yield _values(
                replace(change, words=_value_words(what, *values)), *values, proven=proven
            )


def _values(
    change: Change, before: tuple[str, ...], after: tuple[str, ...], *, proven: bool
) -> Change:
    if set(before) == set(after):
        return replace(change, direction=Direction.NEUTRAL)
    if change.direction is Direction.TIGHTER and OTHER not in after:
        return _unproven(change, f"without {OTHER} rows with such a value cannot be uploaded")
    if change.direction is Direction.TIGHTER and not proven:
        return _unproven(change, "questions that had too many cells may have few enough now")
    return change


def _value_words(what: str, before: tuple[str, ...], after: tuple[str, ...]) -> str:
    gone, added = (
        [v for v in side if v not in other] for side, other in ((before, after), (after, before))
    )
    if not gone and not added:
        return f"the values of {what} stand in another order"
    parts = [f"{verb} {_few(v)}" for verb, v in (("loses", gone), ("gains", added)) if v]
    return f"{what} {' and '.join(parts)}"


def _few(values: list[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(values[:_SHOWN]) + more


def _names(declared: tuple[Iterable[Domain | Bounded], ...]) -> tuple[list[str], list[str]]:
    old, new = ([one.name for one in side] for side in declared)
    return old, new


def _unproven(change: Change, why: str) -> Change:
    words = f"{change.words}; that is not proven to protect as much, as {why}"
    return replace(change, direction=Direction.LOOSER, words=words)


def _never_too_many_cells(policy: Policy) -> bool:
    """Tell whether no question, by whatever buckets, has more cells than may be asked."""
    sizes = [len(d.values) for rules in policy.datasets for d in rules.schema.dimensions]
    for rules in policy.datasets:
        sizes += [MAX_EDGES + 1] * len((*rules.schema.counts, *rules.schema.measures))
    patterns = 2 ** (len(policy.datasets) - 1)
    # `by` and the strata have up to MAX_DIMENSIONS each.
    most = patterns * prod(sorted(sizes)[-2 * MAX_DIMENSIONS :])
    return bool(most <= MAX_CELLS)


def _asked(policy: Policy, family: Family) -> bool:
    return any(family in party.may_ask for party in policy.parties)


def _arm(
    path: str,
    dataset: str,
    old: ArmColumn | None,
    new: ArmColumn | None,
    owners: frozenset[str],
) -> Iterator[Change]:
    if old is None or new is None:
        columns = (old.column if old else None, new.column if new else None)
        words = (f"arms of {dataset} are no longer compared", f"arms of {dataset} are compared")
        yield from _optional("DatasetSchema.has_arm", path, columns, owners, words)
        return
    for name in ("column", "test", "control"):
        values = (getattr(old, name), getattr(new, name))
        yield from leaf(f"ArmColumn.{name}", f"{path}.{name}", values, owners, dataset=dataset)


def _time(
    path: str, dataset: str, columns: tuple[str | None, str | None], owners: frozenset[str]
) -> Iterator[Change]:
    if None in columns:
        words = (f"{dataset} has no time any more", f"{dataset} has a time: windows may be asked")
        yield from _optional("DatasetSchema.timed", path, columns, owners, words)
    else:
        yield from leaf("DatasetRules.time_column", path, columns, owners, dataset=dataset)


def _optional(
    key: str,
    path: str,
    values: tuple[str | None, str | None],
    owners: frozenset[str],
    words: tuple[str, str],
) -> Iterator[Change]:
    """Yield the change of what is there in one policy only."""
    before, after = values
    if before == after:
        return
    present = (before is not None, after is not None)
    yield Change(
        path=path,
        direction=direction(ORDERS[key].order, *present),
        before=before,
        after=after,
        concerned=owners,
        words=words[0] if after is None else words[1],
    )


def _bounded(
    key: str,
    path: str,
    declared: tuple[Iterable[Bounded], Iterable[Bounded]],
    owners: frozenset[str],
    *,
    own_bounds: bool,
) -> Iterator[Change]:
    at, dataset = f"{path}.{key}", path.rpartition(".")[2]
    words = (
        f"{{name}} of {dataset} is gone",
        f"{{name}} of {dataset} joins what may be asked about",
    )
    yield from gone_or_new(f"DatasetSchema.{key}", at, _names(declared), owners, words)
    old, new = ({b.name: b for b in side} for side in declared)
    for name in (n for n in new if n in old):
        what = f"{name} of {dataset}"
        for field in ("unit", "max_per_person", "min_per_person"):
            values = (getattr(old[name], field), getattr(new[name], field))
            at_field = f"{at}.{name}.{field}"
            for change in leaf(f"Bounded.{field}", at_field, values, owners, what=what):
                lower = field == "max_per_person" and change.direction is Direction.TIGHTER
                why = "lifts by the policy's own bounds are told with less noise"
                yield _unproven(change, why) if lower and own_bounds else change


def _told_by(
    path: str, old: DatasetSchema, new: DatasetSchema, owners: frozenset[str]
) -> Iterator[Change]:
    """Buyers, money and visits are told by the first measure that fits."""
    for what, before, after in (
        ("buyers", old.buying, new.buying),
        ("money", old.measure_in(Unit.MINOR), new.measure_in(Unit.MINOR)),
        ("visits", old.measure_in(Unit.ROWS), new.measure_in(Unit.ROWS)),
    ):
        if before is not None and after is not None and before.name != after.name:
            yield Change(
                path=path,
                direction=Direction.LOOSER,
                before=before.name,
                after=after.name,
                concerned=owners,
                words=f"{what} of {new.name} are told by {shown(after.name)} instead of "
                f"{shown(before.name)}",
            )
