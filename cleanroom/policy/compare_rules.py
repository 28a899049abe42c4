"""Compares the rules under which two policies answer about a dataset's people.

Must not know columns. Rules are compared as they work: those a dataset inherits as if it had
declared them, and consent as the union that every question asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cleanroom.model.consent import PURPOSES
from cleanroom.model.question import Family
from cleanroom.policy.changes import Change, Pair, leaf, shown
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.orders import ORDERS, Direction, direction

_PER_QUESTION = ("delta", "per_question")
_PEOPLE, _MISS = "MinimumAggregation.people", "MinimumAggregation.miss_probability"


def rule_changes(pair: Pair, old: DatasetRules, new: DatasetRules) -> Iterator[Change]:
    """Yield the changes of minimum aggregation and privacy that hold for one dataset."""
    owners = frozenset({old.schema.owner, new.schema.owner})
    minimum = tuple(_minimum(pair, new.schema.name, owners))
    privacy = tuple(_privacy(pair, old, new, owners))
    own = [(r.minimum, r.people_by_family) for r in (old, new)]
    yield from _as_inherited(minimum, inherited=new.minimum is None)
    yield from _as_inherited(privacy, inherited=new.privacy is None)
    if not minimum:
        yield from _written("minimum_aggregation", own, (old, new), owners)
    if not privacy:
        yield from _written("privacy", [old.privacy, new.privacy], (old, new), owners)


def _as_inherited(changes: tuple[Change, ...], *, inherited: bool) -> Iterator[Change]:
    """Say where a dataset has no such rule of its own, and the strictest of the others holds."""
    for change in changes:
        yield replace(change, words=f"{change.words} (inherited)") if inherited else change


def _minimum(pair: Pair, name: str, owners: frozenset[str]) -> Iterator[Change]:
    path = f"datasets.{name}.minimum_aggregation"
    people = {f: _of_minimum(pair, "people", (name,), f) for f in Family}
    first, *others = people.values()
    if all(other == first for other in others):
        for change in leaf(_PEOPLE, f"{path}.people", first, owners, dataset=name):
            yield _with(change, _of_joint_minimum(pair, name, "people", tuple(Family)))
    else:
        key = "DatasetRules.people_by_family"
        for family, values in people.items():
            at = f"{path}.families.{family}"
            for change in leaf(key, at, values, owners, dataset=name, family=family):
                yield _with(change, _of_joint_minimum(pair, name, "people", (family,)))
    misses = _of_minimum(pair, "miss_probability", (name,), Family.MATCH_RATE)  # as of any family
    for change in leaf(_MISS, f"{path}.miss_probability", misses, owners, dataset=name):
        yield _with(change, _of_joint_minimum(pair, name, "miss_probability", tuple(Family)))


def _of_minimum(pair: Pair, field: str, datasets: tuple[str, ...], family: Family) -> Any:
    before, after = (p.minimum(datasets, family) for p in (pair.old, pair.new))
    return getattr(before, field), getattr(after, field)


def _privacy(
    pair: Pair, old: DatasetRules, new: DatasetRules, owners: frozenset[str]
) -> Iterator[Change]:
    name = new.schema.name
    before, after = pair.old.ledger_terms(name), pair.new.ledger_terms(name)
    path = f"datasets.{name}.privacy"
    pools = (before.ledger.pool, after.ledger.pool)
    yield from leaf("PrivacyRule.pool", f"{path}.pool", pools, owners, dataset=name)
    for field in ("epsilon", *_PER_QUESTION):
        values = (getattr(before, field), getattr(after, field))
        key = f"PrivacyRule.{field}"
        for change in leaf(key, f"{path}.{field}", values, owners, dataset=name):
            joint = field in _PER_QUESTION
            yield _with(change, _of_joint_loss(pair, name)) if joint else change
    if old.privacy and new.privacy:
        renewals = (old.privacy.renew, new.privacy.renew)
        yield from leaf("PrivacyRule.renew", f"{path}.renew", renewals, owners, dataset=name)


def _with(change: Change, others: frozenset[str]) -> Change:
    """A looser rule concerns also those whose people it protected in questions asked jointly."""
    if change.direction is not Direction.LOOSER:
        return change
    return replace(change, concerned=change.concerned | others)


def _of_joint_minimum(
    pair: Pair, name: str, field: str, families: tuple[Family, ...]
) -> frozenset[str]:
    """Return the owners whose people are in joint figures that the change loosens."""
    order = ORDERS[f"MinimumAggregation.{field}"].order
    owners = set()
    for rules in _in_both(pair):
        for family in families:
            before, after = _of_minimum(pair, field, (name, rules.schema.name), family)
            if before != after and direction(order, before, after) is Direction.LOOSER:
                owners.add(rules.schema.owner)
    return frozenset(owners)


def _of_joint_loss(pair: Pair, name: str) -> frozenset[str]:
    """Return the owners whose own limit for one question was not the smaller one already."""
    limit = pair.old.ledger_terms(name)
    owners = set()
    for rules in _in_both(pair):
        own = pair.old.ledger_terms(rules.schema.name)
        if own.per_question > limit.per_question or own.delta > limit.delta:
            owners.add(rules.schema.owner)
    return frozenset(owners)


def _in_both(pair: Pair) -> Iterator[DatasetRules]:
    return (d for d in pair.new.datasets if pair.old.dataset(d.schema.name) is not None)


def _written(
    key: str,
    own: Sequence[object],
    rules: tuple[DatasetRules, DatasetRules],
    owners: frozenset[str],
) -> Iterator[Change]:
    """Yield that a rule is written another way and comes to the same."""
    if own[0] != own[1]:
        name = rules[1].schema.name
        yield Change(
            path=f"datasets.{name}.{key}",
            direction=Direction.NEUTRAL,
            before=None,
            after=None,
            concerned=owners,
            words=f"{key} of {name} is declared, or inherited, in another way to the same effect",
        )


def consent_changes(pair: Pair) -> Iterator[Change]:
    """Yield the changes of what a person must have agreed to, for each family of questions."""
    for family in Family:
        before, after = (_purposes(p, family) for p in (pair.old, pair.new))
        path = f"datasets.{_where(pair, family)}.consent.{family}"
        if before == after:
            yield from _moved(pair, family)
        elif not before or not after:
            yield _askable(family, path, (before, after), pair.everybody)
        else:
            values = (before, after)
            key = "DatasetRules.consent"
            yield from leaf(key, path, values, pair.everybody, family=family)


def _purposes(policy: Policy, family: Family) -> tuple[str, ...]:
    bits = policy.named_purposes(family)
    return tuple(name for name, bit in PURPOSES.items() if bits & bit)


def _where(pair: Pair, family: Family) -> str:
    """Return the first dataset whose own purposes differ, which is where a reader looks."""
    for policy in (pair.new, pair.old):
        for rules in policy.datasets:
            if _own(pair.old, rules, family) != _own(pair.new, rules, family):
                return rules.schema.name
    return pair.new.datasets[0].schema.name


def _own(policy: Policy, rules: DatasetRules, family: Family) -> frozenset[str]:
    own = policy.dataset(rules.schema.name)
    return frozenset(own.consent.get(family, ())) if own else frozenset()


def _askable(
    family: Family, path: str, purposes: tuple[tuple[str, ...], ...], concerned: frozenset[str]
) -> Change:
    """Without any purpose nobody can be asked about, so the first one is what makes it askable."""
    before, after = purposes
    words = "no longer names" if before else "names"
    return Change(
        path=path,
        direction=Direction.TIGHTER if before else Direction.LOOSER,
        before=shown(before) if before else None,
        after=shown(after) if after else None,
        concerned=concerned,
        words=f"consent {words} purposes for {family}, without which it cannot be asked",
    )


def _moved(pair: Pair, family: Family) -> Iterator[Change]:
    """Yield that other datasets demand the same purposes now."""
    for rules in pair.new.datasets:
        before, after = (_own(p, rules, family) for p in (pair.old, pair.new))
        if before != after and pair.old.dataset(rules.schema.name) is not None:
            yield Change(
                path=f"datasets.{rules.schema.name}.consent.{family}",
                direction=Direction.NEUTRAL,
                before=shown(before) if before else None,
                after=shown(after) if after else None,
                concerned=frozenset({rules.schema.owner}),
                words=f"{rules.schema.name} itself demands {shown(after)} for {family} instead of "
                f"{shown(before)}; all datasets together demand the same as before",
            )
