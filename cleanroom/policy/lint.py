"""Warns of choices that a policy may make but that protect people less than usual.

Must not know errors: a policy that reaches lint is valid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.consent import Basis
from cleanroom.policy.document import DatasetRules, Policy, Scheme
from cleanroom.policy.rules import ConsentTerms, PrivacyRule

WEAK_PEOPLE = 20
WEAK_EPSILON = Fraction(8)
WEAK_DELTA = Fraction(1, 100_000)
WEAK_MISS = Fraction(1, 1_000)
WEAK_PER_DAY = 100
WEAK_WITHDRAWN_DAYS = 31
WEAK_EPOCH_DAYS = 7
WEAK_AGE_DAYS = 395  # thirteen months
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One warning with the position of the key it is about."""

    line: int
    column: int
    message: str


def lint(policy: Policy) -> tuple[Finding, ...]:
    """Return the warnings of a valid policy in order of the file; none is a reason to refuse it.

    Does not tell whether the budgets suffice for the questions parties want to ask.
    """
    warnings = [
        *_matching(policy),
        *_parties(policy),
        *_consent(policy.consent),
        *_retention(policy),
    ]
    for dataset in policy.datasets:
        path = f"datasets.{dataset.schema.name}"
        warnings += [
            *_dataset(path, dataset),
            *_families(policy, path, dataset),
            *_limits(path, dataset),
        ]
    return tuple(sorted(_finding(policy, path, message) for path, message in warnings))


def _finding(policy: Policy, path: str, message: str) -> Finding:
    mark = policy.mark(path)
    return Finding(line=mark.line, column=mark.column, message=f"{path}: {message}")


def _matching(policy: Policy) -> Iterator[tuple[str, str]]:
    match policy.matching.scheme:
        case Scheme.SHA256:
            yield "matching.scheme", "anybody with a dictionary can invert unsalted tokens; use psi"
        case Scheme.HMAC:
            yield (
                "matching.scheme",
                "any one party colluding with the operator can invert hmac tokens; prefer psi",
            )
        case Scheme.PSI:
            if len(policy.owners()) == 1:
                yield "matching.scheme", "only one party owns data, so nobody else blinds it"


def _parties(policy: Policy) -> Iterator[tuple[str, str]]:
    owners = policy.owners()
    for party in policy.parties:
        if not party.may_ask and party.name not in owners:
            yield f"parties.{party.name}", "may ask nothing and owns no dataset"


def _retention(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.retention.withdrawn_days > WEAK_WITHDRAWN_DAYS:
        yield (
            "retention.withdrawn_days",
            f"above {WEAK_WITHDRAWN_DAYS} people who withdrew stay longer than regulators expect",
        )


def _consent(terms: ConsentTerms) -> Iterator[tuple[str, str]]:
    if Basis.LEGITIMATE_INTEREST in terms.bases:
        yield (
            "consent.bases",
            "legitimate_interest uses people who were never asked: see that they can object",
        )
    if terms.epoch_days > WEAK_EPOCH_DAYS:
        yield (
            "consent.epoch_days",
            f"a withdrawal takes effect up to {terms.epoch_days} days late",
        )
    if terms.max_age_days is not None and terms.max_age_days > WEAK_AGE_DAYS:
        yield (
            "consent.max_age_days",
            f"above {WEAK_AGE_DAYS} people are asked less often than every thirteen months",
        )


def _dataset(path: str, dataset: DatasetRules) -> Iterator[tuple[str, str]]:
    yield from _domains(path, dataset)
    if dataset.minimum:
        rule = f"{path}.minimum_aggregation"
        if dataset.minimum.people < WEAK_PEOPLE:
            yield f"{rule}.people", f"fewer than {WEAK_PEOPLE} people can be one household or shop"
        if dataset.minimum.miss_probability > WEAK_MISS:
            yield (
                f"{rule}.miss_probability",
                "above 1e-3 a cell that is too small passes too often",
            )
    if dataset.privacy:
        yield from _privacy(f"{path}.privacy", dataset.privacy)


def _domains(path: str, dataset: DatasetRules) -> Iterator[tuple[str, str]]:
    groups = (("dimensions", dataset.schema.dimensions), ("event_filters", dataset.schema.filters))
    for key, domains in groups:
        for domain in domains:
            where = f"{path}.{key}.{domain.name}"
            if len(domain.values) == 1:
                yield where, "one value tells nothing apart"
            if OTHER not in domain.values:
                yield where, f"without '{OTHER}' a row with an undeclared value cannot be uploaded"


def _families(policy: Policy, path: str, dataset: DatasetRules) -> Iterator[tuple[str, str]]:
    """A rule for a family that nobody may ask is likely a grant forgotten, or a rule left over."""
    asked = {family for party in policy.parties for family in party.may_ask}
    rules = {
        "breakdowns": dataset.breakdowns,
        "minimum_aggregation.families": dataset.people_by_family,
    }
    for key, families in rules.items():
        for family in families:
            if family not in asked:
                yield f"{path}.{key}.{family}", f"nobody may ask {family}, so this rules nothing"


def _limits(path: str, dataset: DatasetRules) -> Iterator[tuple[str, str]]:
    frequency = dataset.limits.questions
    if frequency and frequency.most > WEAK_PER_DAY * frequency.days:
        per_day = f"more than {WEAK_PER_DAY} questions a day"
        yield f"{path}.limits.questions.most", f"{per_day} are a program's, not an analyst's"


def _privacy(path: str, rule: PrivacyRule) -> Iterator[tuple[str, str]]:
    if rule.epsilon > WEAK_EPSILON:
        yield f"{path}.epsilon", f"above {WEAK_EPSILON} the guarantee says little about one person"
    if rule.delta > WEAK_DELTA:
        yield f"{path}.delta", "above 1e-5 the guarantee may fail for somebody among many people"
