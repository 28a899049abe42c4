"""Compares two policies: every change, whether it protects people more or less, and whose data.

Must not know files, acceptance or what has been asked. A change that is not proven tighter is
looser (orders.py says what that means and which order each key has).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cleanroom.model.question import Family
from cleanroom.policy.changes import Change, Pair, day, gone_or_new, last_day, leaf, shown
from cleanroom.policy.compare_dataset import schema_changes
from cleanroom.policy.compare_limits import limit_changes
from cleanroom.policy.compare_rules import consent_changes, rule_changes
from cleanroom.policy.document import DatasetRules, Matching, Party, Policy
from cleanroom.policy.orders import ORDERS, Direction, direction

__all__ = ["Change", "Direction", "compare"]


def compare(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what differs from `old` in `new`, in the order of the grammar; empty for equal files.

    Rules are compared as they work, not as they stand: a dataset that inherits the strictest rule
    of the others changes when they do.
    """
    pair = Pair(old=old, new=new)
    changes = (
        *_head(pair),
        *_parties(pair),
        *_matching(old.matching, new.matching, pair.everybody),
        *_datasets(pair),
        *consent_changes(pair),
        *_consent_terms(pair),
        *_retention(pair),
    )
    return changes or _rest(pair)


def _head(pair: Pair) -> Iterator[Change]:
    old, new, all_ = pair.old, pair.new, pair.everybody
    names = (old.collaboration, new.collaboration)
    yield from leaf("Policy.collaboration", "collaboration", names, all_)
    starts = (day(old.valid_from_s), day(new.valid_from_s))
    yield from leaf("Policy.valid_from_s", "valid.from", starts, all_)
    ends = (last_day(old.valid_until_s), last_day(new.valid_until_s))
    yield from leaf("Policy.valid_until_s", "valid.until", ends, all_)


def _parties(pair: Pair) -> Iterator[Change]:
    old, new = pair.old, pair.new
    names = ([p.name for p in old.parties], [p.name for p in new.parties])
    words = ("{name} leaves the collaboration", "{name} joins the collaboration")
    yield from gone_or_new("Policy.parties", "parties", names, pair.everybody, words)
    for name in dict.fromkeys((*names[0], *names[1])):
        yield from _party(name, old.party(name), new.party(name), pair.everybody)
    yield from _owners_order(pair)


def _party(
    name: str, old: Party | None, new: Party | None, concerned: frozenset[str]
) -> Iterator[Change]:
    path = f"parties.{name}"
    if old is not None and new is not None:
        roles = (old.role, new.role)
        yield from leaf("Party.role", f"{path}.role", roles, concerned, party=name)
    before = old.may_ask if old else frozenset()
    after = new.may_ask if new else frozenset()
    for family in Family:
        if (family in before) != (family in after):
            more = family in after
            yield Change(
                path=f"{path}.may_ask",
                direction=direction(
                    ORDERS["Party.may_ask"].order, before & {family}, after & {family}
                ),
                before=None if more else str(family),
                after=str(family) if more else None,
                concerned=concerned,
                words=f"{name} {'may' if more else 'may no longer'} ask {family}",
            )


def _owners_order(pair: Pair) -> Iterator[Change]:
    """The first owner makes the hmac key, and elements pass from owner to owner."""
    old, new = pair.old.owners(), pair.new.owners()
    before, after = tuple(o for o in old if o in new), tuple(o for o in new if o in old)
    if before != after:
        yield Change(
            path="parties",
            direction=Direction.LOOSER,
            before=shown(before),
            after=shown(after),
            concerned=pair.everybody,
            words="the owners of data stand in another order, which says who makes the key of "
            "the tokens and who blinds after whom",
        )


def _matching(old: Matching, new: Matching, concerned: frozenset[str]) -> Iterator[Change]:
    for name in ("scheme", "normalisation", "keys", "default_region"):
        values = (getattr(old, name), getattr(new, name))
        yield from leaf(f"Matching.{name}", f"matching.{name}", values, concerned)


def _datasets(pair: Pair) -> Iterator[Change]:
    old, new = pair.old, pair.new
    for rules in old.datasets:
        if new.dataset(rules.schema.name) is None:
            yield from _dataset_gone(rules.schema.name, rules.schema.owner)
    for rules in new.datasets:
        name = rules.schema.name
        before = old.dataset(name)
        if before is None:
            words = ("", "the dataset {name} joins: " + f"people of {rules.schema.owner}")
            yield from gone_or_new(
                "Policy.datasets", "datasets", ((), (name,)), pair.everybody, words
            )
        else:
            yield from schema_changes(pair, before, rules)
            yield from rule_changes(pair, before, rules)
            yield from limit_changes(pair, before, rules)


def _dataset_gone(name: str, owner: str) -> Iterator[Change]:
    words = ("the dataset {name} leaves: " + f"people of {owner}", "")
    yield from gone_or_new("Policy.datasets", "datasets", ((name,), ()), frozenset({owner}), words)


def _consent_terms(pair: Pair) -> Iterator[Change]:
    old, new = pair.old.consent, pair.new.consent
    for name, values in {
        "base": (old.base_purposes, new.base_purposes),
        "bases": (frozenset(old.bases), frozenset(new.bases)),
        "epoch_days": (old.epoch_days, new.epoch_days),
        "max_age_days": (old.max_age_days, new.max_age_days),
    }.items():
        yield from leaf(f"ConsentTerms.{name}", f"consent.{name}", values, pair.everybody)


def _retention(pair: Pair) -> Iterator[Change]:
    for name in ("datasets_days", "measurements_days", "withdrawn_days"):
        values = (getattr(pair.old.retention, name), getattr(pair.new.retention, name))
        yield from leaf(f"Retention.{name}", f"retention.{name}", values, pair.everybody)


def _rest(pair: Pair) -> tuple[Change, ...]:
    """Where no order found anything: nothing at all, the order of entries, or what has no order."""
    if pair.old.text == pair.new.text:
        return ()
    known = _meaning(pair.old) == _meaning(pair.new)
    words = "something changed that has no order" if not known else ORDERS["Policy.text"].words
    return (
        Change(
            path="",
            direction=Direction.NEUTRAL if known else Direction.LOOSER,
            before=pair.old.digest,
            after=pair.new.digest,
            concerned=pair.everybody,
            words=words,
        ),
    )


def _meaning(policy: Policy) -> Policy:
    """Return the policy without its text, with its entries in one order."""
    return replace(
        policy,
        digest="",
        text="",
        parties=tuple(sorted(policy.parties, key=lambda p: p.name)),
        datasets=tuple(sorted((_plain(d) for d in policy.datasets), key=lambda d: d.schema.name)),
    )


def _plain(rules: DatasetRules) -> DatasetRules:
    schema = rules.schema
    return replace(
        rules,
        schema=replace(
            schema,
            dimensions=tuple(sorted(schema.dimensions, key=lambda d: d.name)),
            counts=tuple(sorted(schema.counts, key=lambda c: c.name)),
            measures=tuple(sorted(schema.measures, key=lambda m: m.name)),
            filters=tuple(sorted(schema.filters, key=lambda d: d.name)),
        ),
    )
