"""To what people must have agreed, and when that is judged, in sentences; must not know datasets' columns."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.question import Family
from cleanroom.policy.document import Policy
from cleanroom.policy.explain_datasets import FAMILY_NAMES
from cleanroom.policy.prose import counted, listed


def consent_words(policy: Policy) -> Iterator[str]:
    """Yield what a row must say of its person before the person counts in an answer."""
    bases = [basis.replace("_", " ") for basis in policy.consent.bases]
    yield (
        "A person counts in an answer only if a row says that the person may be used for every "
        "purpose named here. No signal is no consent. Purposes that any dataset demands hold for "
        f"the people of all of them. The use of a row may rest on {listed(bases, 'or')}; rows that "
        "rest on anything else are left out."
    )
    for family in Family:
        demanded = _purposes(policy, family)
        if demanded:
            yield f"- {FAMILY_NAMES[family]}: {demanded}."
        else:
            yield f"- {FAMILY_NAMES[family]}: no purpose is named, so it cannot be asked."
    if policy.consent.base is not None:
        yield f"Rows whose person did not agree to {policy.consent.base} are not even kept."
    yield _judged(policy)


def _purposes(policy: Policy, family: Family) -> str:
    """Return each purpose with the datasets whose owners demand it; nothing if none is named."""
    demanded: dict[str, list[str]] = {}
    for rules in policy.datasets:
        for purpose in rules.consent.get(family, ()):
            demanded.setdefault(purpose, []).append(rules.schema.name)
    if not demanded:
        return ""
    if policy.consent.base is not None and policy.consent.base not in demanded:
        demanded[policy.consent.base] = ["this policy for every question"]
    return listed(f"{p} (demanded by {listed(by)})" for p, by in demanded.items())


def _judged(policy: Policy) -> str:
    """An epoch hides who withdrew: two questions within one are about the same people."""
    terms = policy.consent
    often = "once a day" if terms.epoch_days == 1 else f"once in {terms.epoch_days} days"
    age = (
        "counts until its own end"
        if terms.max_age_days is None
        else f"counts for at most {counted(terms.max_age_days, 'day', 'days')} after it was given"
    )
    return (
        f"Whose consent counts is judged {often}; a withdrawal counts from the next time on. "
        f"Consent {age}."
    )
