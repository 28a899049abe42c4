"""The consent block of a policy: what it means, how it is refused, ordered, and warned of."""

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cleanroom.model.consent import (
    ALL_MARKS,
    ALL_PURPOSES,
    DAY_S,
    MARKS,
    PURPOSES,
    Basis,
    Epoch,
    cared,
    epoch_of,
)
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import Family
from cleanroom.model.vocabulary import BASIS_TERMS, PURPOSE_TERMS
from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.fits import still_fits
from cleanroom.policy.lint import lint
from cleanroom.policy.rules import ConsentTerms
from cleanroom_client.tables import spec
from support.policies import edited, policy, problems

TIGHTER, LOOSER = Direction.TIGHTER, Direction.LOOSER
RETENTION = "retention: {"
CONTRACT, INTEREST = MARKS[Basis.CONTRACT], MARKS[Basis.LEGITIMATE_INTEREST]


def terms(block):
    """The example under a consent block, or none."""
    edits = ((RETENTION, f"consent: {block}\n{RETENTION}"),) if block else ()
    return policy(*edits)


def test_without_the_block_its_defaults_hold():
    assert terms("").consent == ConsentTerms()
    assert terms("{}").consent == ConsentTerms()
    assert ConsentTerms() == ConsentTerms(bases=(Basis.CONSENT,), epoch_days=1)


def test_every_key_is_read():
    found = terms("{base: research, bases: [contract], epoch_days: 7, max_age_days: 90}").consent
    assert found == ConsentTerms(
        base="research", bases=(Basis.CONTRACT,), epoch_days=7, max_age_days=90
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("{base: fun}", "consent.base: found the text 'fun': write one of measurement"),
        ("{base: [measurement]}", "consent.base: found a list"),
        ("{bases: []}", "consent.bases: found an empty list: write one or more of consent"),
        ("{bases: [consent, consent]}", "found consent again: write each once"),
        ("{bases: consent}", "consent.bases: found the text 'consent'"),
        ("{epoch_days: 0}", "consent.epoch_days: found the integer 0: write a whole number from 1"),
        ("{epoch_days: 32}", "a whole number from 1 to 31"),
        ("{max_age_days: 0}", "consent.max_age_days"),
        ("{epoch_days: 7, max_age_days: 6}", "write a whole number from 7 to 3650"),
        ("{age: 6}", "found the unknown key 'age'"),
        ("measurement", "consent: found the text 'measurement': write a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(block, words):
    (problem,) = problems(edited((RETENTION, f"consent: {block}\n{RETENTION}")))
    assert words in problem


def test_the_base_purpose_is_asked_of_everybody_for_every_family():
    found = terms("{base: research}")
    assert {found.purposes(family) for family in Family} == {1 | 32}
    assert {found.named_purposes(family) for family in Family} == {1}
    assert found.sealable_purposes() == (33,)


def test_a_base_purpose_makes_no_family_askable():
    silent = tuple(replace(d, consent={}) for d in terms("").datasets)
    found = replace(terms("{base: research}"), datasets=silent)
    assert found.purposes(Family.MATCH_RATE) == 0
    assert found.sealable_purposes() == ()


def test_each_accepted_basis_makes_a_row_sealable():
    found = terms("{bases: [consent, legitimate_interest]}").sealable_purposes()
    assert found == (1, 1 | INTEREST)
    serves = {held: any(held & cared(s) == s for s in found) for held in (1, 3, 2)}
    assert serves == {1: True, 3: True, 2: False}
    assert not any((1 | CONTRACT) & cared(s) == s for s in found)
    assert not any((1 | CONTRACT | INTEREST) & cared(s) == s for s in found)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "{base: measurement}", {"consent.base": TIGHTER}),
        ("{base: measurement}", "", {"consent.base": LOOSER}),
        ("{base: measurement}", "{base: research}", {"consent.base": LOOSER}),
        ("", "{bases: [contract]}", {"consent.bases": LOOSER}),
        ("", "{bases: [consent, contract]}", {"consent.bases": LOOSER}),
        ("{bases: [consent, contract]}", "", {"consent.bases": TIGHTER}),
        ("", "{epoch_days: 2}", {"consent.epoch_days": LOOSER}),
        ("{epoch_days: 2}", "", {"consent.epoch_days": LOOSER}),
        ("", "{max_age_days: 395}", {"consent.max_age_days": TIGHTER}),
        ("{max_age_days: 395}", "{max_age_days: 396}", {"consent.max_age_days": LOOSER}),
        ("{max_age_days: 395}", "", {"consent.max_age_days": LOOSER}),
    ],
)
def test_a_change_of_each_key_is_ordered_and_concerns_all_owners(before, after, expected):
    found = compare(terms(before), terms(after))
    assert {c.path: c.direction for c in found} == expected
    assert {c.concerned for c in found} == {frozenset({"acme-brand", "megamart"})}


def test_changes_are_told_in_words():
    old = terms("")
    new = terms("{base: research, bases: [contract], epoch_days: 7, max_age_days: 90}")
    assert [c.words for c in compare(old, new)] == [
        "a row is sealed only if its person agreed to research instead of nothing",
        "the use of a row may rest on contract instead of consent",
        "consent is judged once in 7 days instead of 1",
        "consent counts for 90 days after it was given instead of any number of",
    ]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("{bases: [legitimate_interest]}", "never asked"),
        ("{epoch_days: 8}", "up to 8 days late"),
        ("{max_age_days: 396}", "thirteen months"),
    ],
)
def test_lint_warns_of_weak_choices(block, words):
    usual = {f.message for f in lint(terms("{bases: [consent], epoch_days: 7, max_age_days: 395}"))}
    (found,) = {f.message for f in lint(terms(block))} - usual
    assert words in found


def test_an_epoch_judges_consent_once():
    epoch = Epoch(start_s=epoch_of(100 * DAY_S + 5, 7), days=7, max_age_days=30)
    assert (epoch.start_s, epoch.end_s) == (98 * DAY_S, 105 * DAY_S)
    assert (epoch.agreed_before_s, epoch.agreed_from_s) == (99 * DAY_S, 75 * DAY_S)
    assert Epoch(start_s=0).agreed_from_s is None
    times = range(98 * DAY_S, 105 * DAY_S, DAY_S - 1)
    assert {ConsentTerms(epoch_days=7).epoch(t) for t in times} == {
        Epoch(start_s=98 * DAY_S, days=7)
    }


def test_terms_that_nobody_could_have_are_refused():
    for wrong in ({"bases": ()}, {"epoch_days": 0}, {"max_age_days": 0}, {"base": "fun"}):
        with pytest.raises(FieldInvalid):
            ConsentTerms(**wrong)


def test_the_partners_lists_are_the_services():
    assert dict(spec.PURPOSES) == dict(PURPOSES)
    assert {str(b): mark for b, mark in spec.BASIS_MARKS.items()} == {
        str(b): mark for b, mark in MARKS.items()
    }


def test_marks_of_bases_are_no_purposes():
    assert ALL_MARKS & ALL_PURPOSES == 0
    assert max(MARKS.values()) < 2**63
    assert [bits.bit_count() for bits in PURPOSES.values()] == [1] * len(PURPOSES)


def test_the_file_of_purposes_is_the_whole_list_with_its_bits():
    path = Path(__file__).parents[2] / "policies" / "purposes.yaml"
    found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    assert {name: 1 << entry["bit"] for name, entry in found["purposes"].items()} == dict(PURPOSES)
    marks = {n: 0 if e["bit"] is None else 1 << e["bit"] for n, e in found["bases"].items()}
    assert marks == {str(basis): mark for basis, mark in MARKS.items()}
    for kind, terms_of in (("purposes", PURPOSE_TERMS), ("bases", BASIS_TERMS)):
        for name, term in terms_of.items():
            entry = found[kind][str(name)]
            assert (entry["label"], entry["definition"]) == (term.label, term.definition)
            assert (entry["term"], entry["match"]) == (term.iri, term.match)


def test_every_purpose_and_basis_has_a_term():
    assert set(PURPOSE_TERMS) == set(PURPOSES)
    assert set(BASIS_TERMS) == set(Basis)
    assert PURPOSE_TERMS["measurement"].short == "dpv:Advertising"
    assert BASIS_TERMS[Basis.CONSENT].short == "eu-gdpr:A6-1-a"


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        ("", "{base: research}", True),  # who lacks it is left out by the purposes of questions
        ("", "{max_age_days: 30}", True),  # judged at each question
        ("{bases: [consent, contract]}", "{bases: [contract, consent]}", True),
        ("{bases: [consent, contract]}", "", False),  # rows on a contract are in the version
        ("", "{epoch_days: 7}", False),
        ("{epoch_days: 7}", "", False),
    ],
)
def test_a_version_fits_a_policy_that_its_questions_can_still_hold(before, after, fits):
    names = [d.schema.name for d in terms("").datasets]
    assert {still_fits(terms(before), terms(after), name) for name in names} == {fits}
