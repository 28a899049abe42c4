"""For each part of a policy, which change of it protects more; must not know how parts are found.

The order is on what a policy lets anybody learn. A change is tighter if every question that the
new policy allows somebody at some time was allowed before too, and is now answered with at
most the loss, at least the noise, the minimum and the purposes of consent, and for no longer. Where
that is not proven the change is looser, however prudent it looks.
tests/unit/test_policy_tightenings.py holds these orders to the real `decide` and `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from cleanroom.policy.document import Scheme


class Direction(StrEnum):
    """What a change does to the protection of people."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    NEUTRAL = "neutral"


class Order(StrEnum):
    """How two values of one part compare."""

    LOWER = "a lower value is tighter"
    HIGHER = "a higher value is tighter"
    LIMIT = "a lower limit is tighter, and none at all is the loosest"
    FEWER = "a part of the old set is tighter"
    MORE = "a set that holds the old one is tighter"
    SCHEME = "psi is tighter than hmac, and hmac than sha256"
    FIXED = "any change is looser"
    FREE = "no change protects more or less"
    PARTS = "its parts have orders of their own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The order of one part, and a sentence on its change with `{before}` and `{after}`.

    `nothing` is how the sentence calls what is not there.
    """

    order: Order
    words: str = ""
    nothing: str = "nothing"


_SCHEMES = (Scheme.PSI, Scheme.HMAC, Scheme.SHA256)  # the tightest first


def direction(order: Order, before: Any, after: Any) -> Direction:
    """Return what it means that `after` stands where `before`, another value, stood."""
    match order:
        case Order.FREE | Order.PARTS:
            return Direction.NEUTRAL
        case Order.FIXED:
            return Direction.LOOSER
        case Order.LOWER:
            return _tighter(after < before)
        case Order.HIGHER:
            return _tighter(after > before)
        case Order.LIMIT:
            return _tighter(after is not None and (before is None or after < before))
        case Order.FEWER:
            return _tighter(set(after) <= set(before))
        case Order.MORE:
            return _tighter(set(after) >= set(before))
        case Order.SCHEME:
            return _tighter(_SCHEMES.index(after) < _SCHEMES.index(before))


def _tighter(proven: bool) -> Direction:  # noqa: FBT001 - a condition
    return Direction.TIGHTER if proven else Direction.LOOSER


_PARTS = Rule(order=Order.PARTS)
_FEWER = Rule(order=Order.FEWER)

# Class and field of the policy's values. A field without an order fails a test.
ORDERS: Mapping[str, Rule] = MappingProxyType(
    {
        "Policy.digest": Rule(order=Order.FREE),
        "Policy.text": Rule(
            order=Order.FREE,
            words="only comments, layout or the order of entries changed",
        ),
        "Policy.file": Rule(order=Order.FREE),
        "Policy.marks": Rule(order=Order.FREE),
        # Pools that are not named, and the tokens of people, belong to the collaboration.
        "Policy.collaboration": Rule(
            order=Order.FIXED,
            words="the collaboration is called {after} instead of {before}, so people have new "
            "tokens and unnamed pools begin anew",
        ),
        "Policy.valid_from_s": Rule(
            order=Order.HIGHER, words="questions may be asked from {after} on instead of {before}"
        ),
        "Policy.valid_until_s": Rule(
            order=Order.LOWER, words="questions may be asked until {after} instead of {before}"
        ),
        "Policy.parties": _FEWER,
        "Policy.matching": _PARTS,
        "Policy.datasets": _FEWER,
        "Policy.retention": _PARTS,
        "Policy.consent": _PARTS,
        "Party.name": _PARTS,
        # Grants come from `may_ask`; but what a party is to the others, they have accepted.
        "Party.role": Rule(order=Order.FIXED, words="{party} is {after} instead of {before}"),
        "Party.may_ask": _FEWER,
        "Matching.scheme": Rule(
            order=Order.SCHEME, words="people are recognised by {after} instead of {before}"
        ),
        "Matching.normalisation": Rule(
            order=Order.FIXED,
            words="identifiers are normalised by {after} instead of {before}, so other people match",
        ),
        # Fewer keys match fewer people, but their answers have less noise (plan.py: stages).
        "Matching.keys": Rule(
            order=Order.FIXED,
            words="people are matched by {after} instead of {before}, so other people match and "
            "the noise is another",
        ),
        "Matching.allow_unsalted": _PARTS,  # true with sha256 and only with it
        "Matching.default_region": Rule(
            order=Order.FIXED,
            words="phone numbers without a country are read as those of {after} instead of "
            "{before}, so other people match",
            nothing="no country",
        ),
        "DatasetRules.schema": _PARTS,
        "DatasetRules.arm": _PARTS,
        "DatasetRules.time_column": Rule(
            order=Order.FIXED,
            words="the time of {dataset} is read from {after} instead of {before}",
        ),
        "DatasetRules.minimum": _PARTS,
        "DatasetRules.people_by_family": Rule(
            order=Order.HIGHER,
            words="a figure of {family} of {dataset} needs {after} people instead of {before}",
        ),
        "DatasetRules.privacy": _PARTS,
        # Of the purposes that all datasets together demand; without any it cannot be asked.
        "DatasetRules.consent": Rule(
            order=Order.MORE,
            words="for {family} a person must have agreed to {after} instead of {before}",
        ),
        # Of the columns that work: without a list, all that are declared.
        "DatasetRules.breakdowns": Rule(
            order=Order.FEWER,
            words="{family} may be broken down by {after} instead of {before} of {dataset}",
        ),
        "DatasetRules.limits": _PARTS,
        "DatasetSchema.name": _PARTS,
        "DatasetSchema.owner": Rule(
            order=Order.FIXED, words="{dataset} belongs to {after} instead of {before}"
        ),
        "DatasetSchema.keys": _PARTS,  # those of matching
        "DatasetSchema.dimensions": _FEWER,
        "DatasetSchema.has_arm": Rule(order=Order.LOWER),  # without one, nothing compares arms
        "DatasetSchema.counts": _FEWER,
        "DatasetSchema.measures": _FEWER,
        "DatasetSchema.filters": _FEWER,
        "DatasetSchema.timed": Rule(order=Order.LOWER),  # without a time there is no window
        "Domain.name": _PARTS,
        # Only with the proofs of compare_dataset.py is a part of the values tighter.
        "Domain.values": Rule(
            order=Order.FEWER, words="{what} has the values {after} instead of {before}"
        ),
        "Bounded.name": _PARTS,
        "Bounded.unit": Rule(order=Order.FIXED, words="{what} is in {after} instead of {before}"),
        # Only with the proof of compare_dataset.py is a lower bound tighter.
        "Bounded.max_per_person": Rule(
            order=Order.LOWER,
            words="one person counts for at most {after} instead of {before} in {what}",
        ),
        # A bound nearer to zero makes less noise, one further away counts more refunds.
        "Bounded.min_per_person": Rule(
            order=Order.FIXED,
            words="one person counts for at least {after} instead of {before} in {what}",
        ),
        "ArmColumn.column": Rule(
            order=Order.FIXED, words="the arm of {dataset} is read from {after} instead of {before}"
        ),
        "ArmColumn.test": Rule(
            order=Order.FIXED, words="the test arm of {dataset} is {after} instead of {before}"
        ),
        "ArmColumn.control": Rule(
            order=Order.FIXED, words="the control arm of {dataset} is {after} instead of {before}"
        ),
        "MinimumAggregation.people": Rule(
            order=Order.HIGHER,
            words="a figure of {dataset} needs {after} people instead of {before}",
        ),
        "MinimumAggregation.miss_probability": Rule(
            order=Order.LOWER,
            words="a figure of too few people of {dataset} passes with probability {after} at most "
            "instead of {before}",
        ),
        # Another pool is a fresh budget for the same people.
        "PrivacyRule.pool": Rule(
            order=Order.FIXED,
            words="people of {dataset} have the budget of pool {after} instead of {before}, and "
            "nothing is spent of it yet",
        ),
        "PrivacyRule.epsilon": Rule(
            order=Order.LOWER,
            words="the budget of people of {dataset} is epsilon {after} instead of {before}",
        ),
        "PrivacyRule.delta": Rule(
            order=Order.LOWER,
            words="the guarantee to people of {dataset} may fail with probability {after} instead "
            "of {before}",
        ),
        "PrivacyRule.per_question": Rule(
            order=Order.LOWER,
            words="one question may take epsilon {after} instead of {before} from people of "
            "{dataset}",
        ),
        "PrivacyRule.renew": Rule(
            order=Order.FIXED, words="the budget of {dataset} renews {after} instead of {before}"
        ),
        "Limits.filters_per_question": Rule(
            order=Order.LIMIT,
            nothing="any number of",
            words="a question about {dataset} has {after} filters at most instead of {before}",
        ),
        "Limits.breakdowns_per_question": Rule(
            order=Order.LIMIT,
            nothing="any number of",
            words="a question about {dataset} has {after} breakdowns at most instead of {before}",
        ),
        "Limits.questions": Rule(
            order=Order.LIMIT,
            nothing="any number of",
            words="an asker may ask {after} new questions about {dataset} instead of {before}",
        ),
        "Frequency.most": Rule(
            order=Order.LOWER,
            words="an asker may ask {after} new questions about {dataset} in {days} days instead "
            "of {before}",
        ),
        # The same number within more days is fewer questions.
        "Frequency.days": Rule(
            order=Order.HIGHER,
            words="an asker's questions about {dataset} are counted over {after} days instead of "
            "{before}",
        ),
        "ConsentTerms.base": Rule(
            order=Order.MORE,
            words="a row is sealed only if its person agreed to {after} instead of {before}",
        ),
        "ConsentTerms.bases": Rule(
            order=Order.FEWER, words="the use of a row may rest on {after} instead of {before}"
        ),
        # A longer epoch heeds a withdrawal later, a shorter one tells withdrawals apart sooner.
        "ConsentTerms.epoch_days": Rule(
            order=Order.FIXED,
            words="consent is judged once in {after} days instead of {before}",
        ),
        "ConsentTerms.max_age_days": Rule(
            order=Order.LIMIT,
            nothing="any number of",
            words="consent counts for {after} days after it was given instead of {before}",
        ),
        "Retention.datasets_days": Rule(
            order=Order.LOWER, words="datasets are kept for {after} days instead of {before}"
        ),
        "Retention.measurements_days": Rule(
            order=Order.LOWER, words="measurements are kept for {after} days instead of {before}"
        ),
        "Retention.withdrawn_days": Rule(
            order=Order.LOWER,
            words="rows of people who withdrew are removed within {after} days instead of {before}",
        ),
    }
)
