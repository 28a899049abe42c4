"""Compares how answers about a dataset may be cut and how much may be asked of it.

Must not know columns' values, budgets or consent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cleanroom.model.question import Family
from cleanroom.policy.changes import Change, Pair, leaf
from cleanroom.policy.document import DatasetRules
from cleanroom.policy.orders import ORDERS, Direction, direction
from cleanroom.policy.rules import Frequency

_ALL = "every column"


def limit_changes(pair: Pair, old: DatasetRules, new: DatasetRules) -> Iterator[Change]:
    """Yield the changes of breakdowns and limits; what is looser concerns everybody."""
    owners = frozenset({old.schema.owner, new.schema.owner})
    for change in (*_breakdowns(old, new, owners), *_limits(old, new, owners)):
        looser = change.direction is Direction.LOOSER
        yield replace(change, concerned=pair.everybody) if looser else change


def _breakdowns(old: DatasetRules, new: DatasetRules, owners: frozenset[str]) -> Iterator[Change]:
    """Without a list a family may be broken down by every column, also by one that joins."""
    for family in Family:
        listed = (old.breakdowns.get(family), new.breakdowns.get(family))
        if listed[0] != listed[1]:
            yield _breakdown(family, (old, new), listed, owners)


def _breakdown(
    family: Family,
    rules: tuple[DatasetRules, DatasetRules],
    listed: tuple[tuple[str, ...] | None, ...],
    owners: frozenset[str],
) -> Change:
    key = "DatasetRules.breakdowns"
    before, after = (
        _columns(r) if names is None else frozenset(names)
        for r, names in zip(rules, listed, strict=True)
    )
    same = before == after
    old, new = (_ALL if n is None else ", ".join(n) or "no column" for n in listed)
    name = rules[1].schema.name
    return Change(
        path=f"datasets.{name}.breakdowns.{family}",
        direction=Direction.NEUTRAL if same else direction(ORDERS[key].order, before, after),
        before=old,
        after=new,
        concerned=owners,
        words=ORDERS[key].words.format(family=family, before=old, after=new, dataset=name),
    )


def _columns(rules: DatasetRules) -> frozenset[str]:
    schema = rules.schema
    numbers = (*schema.counts, *schema.measures)
    return frozenset({*(d.name for d in schema.dimensions), *(n.name for n in numbers)})


def _limits(old: DatasetRules, new: DatasetRules, owners: frozenset[str]) -> Iterator[Change]:
    name = new.schema.name
    path = f"datasets.{name}.limits"
    for field in ("filters_per_question", "breakdowns_per_question"):
        values = (getattr(old.limits, field), getattr(new.limits, field))
        yield from leaf(f"Limits.{field}", f"{path}.{field}", values, owners, dataset=name)
    before, after = old.limits.questions, new.limits.questions
    at = f"{path}.questions"
    if before is None or after is None:
        texts = (_text(before), _text(after))
        yield from leaf("Limits.questions", at, texts, owners, dataset=name)
        return
    most, days = (before.most, after.most), (before.days, after.days)
    yield from leaf(
        "Frequency.most", f"{at}.most", most, owners, dataset=name, days=str(after.days)
    )
    yield from leaf("Frequency.days", f"{at}.days", days, owners, dataset=name)


def _text(questions: Frequency | None) -> str | None:
    return None if questions is None else f"{questions.most} in {questions.days} days of"
