"""Holds the parts of a policy against each other; must not know YAML or who asks what."""

from __future__ import annotations

from itertools import permutations

from cleanroom.model.names import LedgerName
from cleanroom.model.question import Family
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.problems import Problems


def check(policy: Policy, problems: Problems) -> None:
    """Note every part of `policy` that contradicts another.

    Owners must be parties; a family that is granted must be askable; one pool has one budget.
    """
    _owners(policy, problems)
    _consent(policy, problems)
    _lift(policy, problems)
    _budgets(policy, problems)
    _retention(policy, problems)


def _retention(policy: Policy, problems: Problems) -> None:
    """Nobody can be removed before the epoch in which they withdrew is over."""
    least = policy.consent.epoch_days + 1
    if policy.retention.withdrawn_days < least:
        path = "retention.withdrawn_days"
        message = (
            f"found {policy.retention.withdrawn_days} days, but people who withdraw are used until "
            f"the epoch of {policy.consent.epoch_days} days ends: write {least} or more"
        )
        problems.add(policy.mark(path), path, message)


def _owners(policy: Policy, problems: Problems) -> None:
    names = ", ".join(p.name for p in policy.parties)
    for dataset in policy.datasets:
        if policy.party(dataset.schema.owner) is None:
            path = f"datasets.{dataset.schema.name}.owner"
            message = f"found {dataset.schema.owner!r}, which is no party: write one of {names}"
            problems.add(policy.mark(path), path, message)


def _consent(policy: Policy, problems: Problems) -> None:
    for path, family in _grants(policy):
        if not policy.purposes(family):
            message = (
                f"{family} is granted, but no dataset's consent names its purposes: "
                f"write consent: {{{family}: [measurement]}} in a dataset, or take the grant back"
            )
            problems.add(policy.mark(path), path, message)


def _lift(policy: Policy, problems: Problems) -> None:
    if any(_askable(*pair) for pair in permutations(policy.datasets, 2)):
        return
    for path, family in _grants(policy):
        if family is Family.SALES_LIFT:
            message = (
                "sales_lift is granted, but it needs a dataset with an arm or a count and another "
                "with a measure, or both with a time: declare them, or take the grant back"
            )
            problems.add(policy.mark(path), path, message)


def _askable(exposures: DatasetRules, sales: DatasetRules) -> bool:
    """Tell whether some question of the family fits: a lift compares, a ROPO needs times."""
    compares = exposures.arm is not None or bool(exposures.schema.counts)
    timed = exposures.schema.timed and sales.schema.timed
    return bool(sales.schema.measures) and (compares or timed)


def _grants(policy: Policy) -> list[tuple[str, Family]]:
    return [
        (f"parties.{party.name}.may_ask", family)
        for party in policy.parties
        for family in Family
        if family in party.may_ask
    ]


def _budgets(policy: Policy, problems: Problems) -> None:
    """A pool belongs to the people behind it, so it cannot have two budgets."""
    first: dict[LedgerName, str] = {}
    for dataset in policy.datasets:
        name = dataset.schema.name
        terms = policy.ledger_terms(name)
        known = policy.ledger_terms(first.setdefault(terms.ledger, name))
        if (terms.epsilon, terms.delta) != (known.epsilon, known.delta):
            path = f"datasets.{name}.privacy"
            message = (
                f"found another epsilon or delta for the pool {terms.ledger.pool!r} than "
                f"datasets.{known.datasets[0]} has: write the same, or another pool"
            )
            problems.add(policy.mark(path), path, message)
