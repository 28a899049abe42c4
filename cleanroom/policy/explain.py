"""A policy in plain English: who learns what, about whom, how precisely, until when.

Must not know how it is printed, nor what was asked. Every key shows: a test changes each of them
and reads another explanation. How precise answers are is told to it (analysis/precision.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cleanroom.model.precision import Precision
from cleanroom.model.question import Family
from cleanroom.model.vocabulary import BASIS_TERMS
from cleanroom.policy.changes import day, last_day
from cleanroom.policy.document import Policy, Scheme
from cleanroom.policy.explain_datasets import FAMILY_NAMES, dataset_words
from cleanroom.policy.explain_limits import budget_words, precision_words
from cleanroom.policy.explain_parties import ROLES, grant_words, matching_words, party_words
from cleanroom.policy.prose import counted, day_text, listed
from cleanroom.policy.rules import ConsentTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and its paragraphs; one that opens with `- ` is an item of a list."""

    title: str
    paragraphs: tuple[str, ...]


def explain(policy: Policy, precisions: Sequence[Precision]) -> tuple[Section, ...]:
    """Return what a policy permits and what it does not; `precisions` are those of its questions.

    Does not say whether what is permitted is lawful or wise.
    """
    parts = {
        "In short": _in_short(policy),
        "Who takes part": party_words(policy),
        "What may be asked": grant_words(policy),
        "How people are recognised": matching_words(policy),
    }
    for rules in policy.datasets:
        title = f"The dataset {rules.schema.name}, of {rules.schema.owner}"
        parts[title] = dataset_words(policy, rules)
    parts |= {
        "Whose consent is needed": _consent(policy),
        "How precisely, and how often": precision_words(precisions),
        "What protects each person": budget_words(policy),
        "Until when": _until(policy),
        "Who must accept": _accepting(policy),
        "What nobody may learn": _nobody(policy),
    }
    return tuple(Section(title=title, paragraphs=tuple(words)) for title, words in parts.items())


def _in_short(policy: Policy) -> Iterator[str]:
    names = listed(f"{p.name} ({ROLES[p.role]})" for p in policy.parties)
    askers = [p.name for p in policy.parties if p.may_ask]
    first, last = day_text(day(policy.valid_from_s)), day_text(last_day(policy.valid_until_s))
    yield (
        f"In {policy.collaboration}, {names} measure what they may not show each other. "
        f"From {first} until {last}, {listed(askers)} may ask for totals about people whom "
        f"{listed(policy.owners())} bring. Every answer carries random noise that hides any one "
        "person, as far as the factors below say, and no answer says who somebody is."
    )


def _consent(policy: Policy) -> Iterator[str]:
    yield (
        "A person counts in an answer only if a row says that every purpose named here is "
        f"permitted, {_epoch(policy.consent)}. No signal is no consent. Purposes that any "
        "dataset demands hold for the people of all of them."
    )
    yield from _terms(policy.consent)
    for family in Family:
        demanded = _purposes(policy, family)
        if demanded:
            yield f"- {FAMILY_NAMES[family]}: {demanded}."
        else:
            yield f"- {FAMILY_NAMES[family]}: no purpose is named, so it cannot be asked."


def _epoch(terms: ConsentTerms) -> str:
    if terms.epoch_days == 1:
        return "on the day of the question"
    return (
        f"for the whole of the {counted(terms.epoch_days, 'day', 'days')} that hold the question; "
        "a withdrawal takes effect when the next of them begin"
    )


def _terms(terms: ConsentTerms) -> Iterator[str]:
    bases = listed(BASIS_TERMS[basis].label.lower() for basis in terms.bases)
    base = f" A row that does not permit {terms.base} is never kept." if terms.base else ""
    age = (
        f" It counts for {counted(terms.max_age_days, 'day', 'days')} after it was given at most."
        if terms.max_age_days
        else ""
    )
    yield f"A row may be used on the basis of {bases}.{base}{age}"


def _purposes(policy: Policy, family: Family) -> str:
    """Return each purpose with the datasets whose owners demand it."""
    demanded: dict[str, list[str]] = {}
    for rules in policy.datasets:
        for purpose in rules.consent.get(family, ()):
            demanded.setdefault(purpose, []).append(rules.schema.name)
    return (
        listed(f"{p} (demanded by {listed(by)})" for p, by in demanded.items()) if demanded else ""
    )


def _until(policy: Policy) -> Iterator[str]:
    first, last = day_text(day(policy.valid_from_s)), day_text(last_day(policy.valid_until_s))
    keep = policy.retention
    yield (
        f"Questions are answered from {first} until {last}, both days included (UTC); before and "
        "after, every question is refused."
    )
    yield (
        f"Datasets are erased {counted(keep.datasets_days, 'day', 'days')} after they are sealed, "
        f"measurements {counted(keep.measurements_days, 'day', 'days')} after they are released. "
        "Who withdraws consent is in no question of a later consent epoch, and is removed from the "
        f"datasets within {counted(keep.withdrawn_days, 'day', 'days')}."
    )


def _accepting(policy: Policy) -> Iterator[str]:
    names = listed(p.name for p in policy.parties)
    yield (
        f"{names} each accept this file by its digest, which changes with every byte of it. Until "
        "all have, nothing is answered under it."
    )
    yield (
        "A later version that loosens anything needs the parties whose people it concerns; "
        "'cleanroom policy diff' says which they are."
    )


def _nobody(policy: Policy) -> Iterator[str]:
    yield (
        "- Who is in a dataset, who was matched, or more about any one person than the factors "
        "above allow; parties do not learn it of each other's data either."
    )
    yield "- How many people were left out because their consent was missing or withdrawn."
    for family in Family:
        if not any(family in p.may_ask for p in policy.parties):
            yield f"- {FAMILY_NAMES[family].capitalize()}: no party may ask for one."
    for party in policy.parties:
        missing = [FAMILY_NAMES[f] for f in Family if f not in party.may_ask]
        if not party.may_ask:
            yield f"- To {party.name}, anything: it gets no answer."
        elif missing:
            yield f"- To {party.name}, {listed(missing)}."
    yield "- Anything by a column, a value or a dataset that is not named above."
    yield _operator(policy)


def _operator(policy: Policy) -> str:
    """The operator is granted nothing; what it could do with what it holds hangs on the scheme."""
    match policy.matching.scheme:
        case Scheme.PSI:
            return "- To the operator, anything: it is granted nothing, and can read no identifier."
        case Scheme.HMAC:
            return (
                "- To the operator, anything: it is granted nothing. But together with one owner "
                "of a dataset it could find out whose keyed hashes it holds."
            )
        case Scheme.SHA256:
            return (
                "- To the operator, anything: it is granted nothing. But it could find out whose "
                "plain hashes it holds, by trying addresses and numbers."
            )
