"""Coming into force: what only tightens is at once, what loosens waits, and what was brought stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.model.errors import (
    DatasetNotSealed,
    NotPermitted,
    PolicyExpired,
    PolicyNotInForce,
    QuestionRefused,
    UploadConflict,
)
from cleanroom.model.names import Actor, ActorKind
from cleanroom.model.question import MatchRate
from cleanroom.policy.parse import parse_policy
from cleanroom.usecases import collaborate, views
from support import signing
from support.policies import edited
from support.rooms import DOMAIN, OFFICER, Room, TestClock, party

POLICY = edited(
    ("2026-03-01", "2026-01-01"),
    ("keys: [email, phone, loyalty_id] ", "keys: [email] "),
    ("people: 50", "people: 10"),
)
TIGHTER = POLICY.replace("epsilon: 4", "epsilon: 3")
LOOSER = POLICY.replace("epsilon: 4", "epsilon: 5")
RATE = MatchRate(datasets=("exposures", "sales"))
MIA = Actor(trust_domain=DOMAIN, kind=ActorKind.OFFICER, party="megamart", name="mia")


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, POLICY, in_memory=True)


@pytest.fixture
def filled(room):
    room.fill(
        exposures=[{"email": f"e{i}", "city": i % 3, "arm": i % 2} for i in range(60)],
        sales=[{"email": f"e{i}", "amount": 5} for i in range(40)],
    )
    return room


def _digest(document):
    return parse_policy(document.encode()).digest


def _in_force(room):
    return room.service.store.read(lambda tx: tx.collaborations.in_force("spring-campaign")).digest


def _accept(room, document, *actors):
    return [signing.accept(room.service, a, "spring-campaign", _digest(document)) for a in actors]


def _entries(room, kind):
    data = room.service.store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    return [e for e in map(decode_entry, data) if e.kind is kind]


@pytest.mark.parametrize("signer", [party("megamart"), MIA], ids=["the party", "its officer"])
def test_what_only_tightens_is_in_force_as_soon_as_its_owner_signs_it(room, signer):
    signing.propose(room.service, signer, TIGHTER)
    assert _in_force(room) == _digest(TIGHTER)


def test_what_only_tightens_waits_for_its_owner_where_another_proposes_it(room):
    signing.propose(room.service, party("acme-brand"), TIGHTER)
    assert _in_force(room) == _digest(POLICY)
    view = views.view(room.service, party("acme-brand"), "spring-campaign")
    assert view.waiting_for == ("megamart",)
    _accept(room, TIGHTER, MIA)
    assert _in_force(room) == _digest(TIGHTER)


def test_what_only_tightens_is_nobodys_word_where_nobody_signed_it(room):
    collaborate.propose(room.service, OFFICER, TIGHTER.encode())
    assert _in_force(room) == _digest(POLICY)


def test_what_concerns_all_owners_may_be_tightened_by_any_one_of_them(room):
    shorter = POLICY.replace("datasets_days: 90", "datasets_days: 30")
    signing.propose(room.service, party("fiscal-data"), shorter)  # who owns nothing
    assert _in_force(room) == _digest(POLICY)
    view = views.view(room.service, party("fiscal-data"), "spring-campaign")
    assert view.missing.one_of == ("acme-brand", "megamart")
    _accept(room, shorter, party("acme-brand"))
    assert _in_force(room) == _digest(shorter)


def test_a_comment_needs_one_owners_word_too(room):
    remarked = POLICY + "# a remark\n"
    signing.propose(room.service, OFFICER, remarked)
    assert _in_force(room) == _digest(POLICY)
    _accept(room, remarked, party("megamart"))
    assert _in_force(room) == _digest(remarked)


def test_what_loosens_waits_for_everyone_whose_data_it_concerns_the_proposer_too(room):
    signing.propose(room.service, party("megamart"), LOOSER)
    (first,) = _accept(room, LOOSER, party("acme-brand"))
    assert (first.parties, _in_force(room)) == (("megamart",), _digest(POLICY))
    (last,) = _accept(room, LOOSER, party("megamart"))
    assert last.nobody
    assert _in_force(room) == _digest(LOOSER)


def test_one_looser_rule_among_tighter_ones_makes_all_of_them_wait(room):
    mixed = TIGHTER.replace("people: 10", "people: 5")
    signing.propose(room.service, party("megamart"), mixed)
    assert _in_force(room) == _digest(POLICY)


def test_who_is_named_first_must_accept_that_it_is(room):
    joined = POLICY.replace(
        "  fiscal-data:", "  newcomer: {role: data_provider, may_ask: []}\n  fiscal-data:"
    )
    signing.propose(room.service, party("acme-brand"), joined)
    _accept(room, joined, party("acme-brand"), party("megamart"))
    assert _in_force(room) == _digest(POLICY)
    _accept(room, joined, party("newcomer"))
    assert _in_force(room) == _digest(joined)


def test_an_officer_speaks_for_its_own_party_alone(room):
    signing.propose(room.service, OFFICER, LOOSER)
    _accept(room, LOOSER, MIA)
    view = views.view(room.service, MIA, "spring-campaign")
    assert [a.party for a in view.latest_acceptances] == ["megamart"]
    joe = replace(MIA, party="stranger", name="joe")
    with pytest.raises(NotPermitted):
        _accept(room, LOOSER, joe)
    with pytest.raises(NotPermitted):
        collaborate.put_envelope(
            room.service,
            MIA,
            collaboration="spring-campaign",
            recipient="acme-brand",
            ciphertext=b"x",
        )


def test_a_policy_that_is_over_cannot_come_into_force(tmp_path):
    room = Room.open(tmp_path, POLICY, accept=False, in_memory=True)
    end = parse_policy(POLICY.encode()).valid_until_s
    room.service = replace(room.service, clock=TestClock(end - 1))
    assert room.accept("acme-brand") == ("megamart", "fiscal-data")
    room.service = replace(room.service, clock=TestClock(end))
    with pytest.raises(PolicyExpired, match="2026-09-30"):
        room.accept("megamart")
    with pytest.raises(PolicyExpired):
        signing.propose(room.service, party("megamart"), POLICY + "# again\n")
    with pytest.raises(PolicyNotInForce):
        room.ask("acme-brand", RATE)


def test_a_tighter_policy_rules_over_what_is_sealed_at_once(filled):
    versions = filled.service.store.read(lambda tx: [v.id for v in tx.versions.all()])
    filled.ask("acme-brand", RATE)
    stricter = POLICY.replace("may_ask: [match_rate]", "may_ask: []")
    signing.propose(filled.service, party("megamart"), stricter)
    assert _in_force(filled) == _digest(stricter)
    answer = filled.verified(filled.ask("acme-brand", RATE)).measurement.decode()
    assert _digest(stricter) in answer
    assert all(version in answer for version in versions)
    with pytest.raises(QuestionRefused, match="may_ask"):
        filled.ask("megamart", RATE)


def test_a_question_paid_for_before_keeps_its_answer(filled):
    answer = filled.ask("acme-brand", RATE, "request-0001")
    signing.propose(filled.service, party("megamart"), TIGHTER)
    assert filled.ask("acme-brand", RATE, "request-0001") == answer


def test_what_is_being_uploaded_goes_on_where_a_tighter_policy_fits_it(filled):
    upload = filled.upload("sales", [{"email": f"e{i}", "amount": 5} for i in range(50)])
    filled.blind("acme-brand")
    signing.propose(filled.service, party("megamart"), TIGHTER)
    filled.blind_all()
    version = filled.seal("sales")
    assert (version.upload, version.policy_digest) == (upload.id, _digest(TIGHTER))


NO_FIT = {
    "other values of a dimension": ("city: [ufa, kazan, other]", "city: [kazan, ufa, other]"),
    "a column fewer": (", segment: [cooks, big-spenders, other]", ""),
}


@pytest.mark.parametrize("edit", NO_FIT.values(), ids=NO_FIT.keys())
def test_what_does_not_fit_has_to_be_brought_again(filled, edit):
    changed = POLICY.replace(*edit)
    assert changed != POLICY
    asked = collaborate.preview(filled.service, party("acme-brand"), changed.encode())
    assert asked.must_come_again == ("exposures",)
    signing.propose(filled.service, party("acme-brand"), changed)
    assert _in_force(filled) == _digest(changed)
    with pytest.raises(DatasetNotSealed, match="exposures"):
        filled.ask("acme-brand", RATE)


def test_what_was_brought_under_a_stricter_policy_is_brought_again_under_a_looser_one(filled):
    signing.propose(filled.service, OFFICER, LOOSER)
    _accept(filled, LOOSER, party("acme-brand"), party("megamart"))
    with pytest.raises(DatasetNotSealed):
        filled.ask("acme-brand", RATE)
    with pytest.raises(UploadConflict):
        filled.seal("sales")


def test_the_log_tells_each_step_and_what_it_changes(room):
    signing.propose(room.service, MIA, LOOSER)
    _accept(room, LOOSER, party("acme-brand"), MIA)
    proposed = _entries(room, EntryKind.POLICY_PROPOSED)[-1]
    assert proposed.actor == "officer/megamart/mia"
    assert proposed.fields["signer"] == str(MIA)
    assert proposed.fields["party"] == "megamart"
    assert "datasets.sales.privacy.epsilon" in proposed.fields["loosened_paths"]
    assert proposed.fields["loosened"] == len(proposed.fields["loosened_paths"])
    assert set(proposed.fields["waiting_for"]) == {"acme-brand", "megamart"}
    steps = room.service.store.read(lambda tx: tx.collaborations.steps("spring-campaign", 1, 99))
    told = [
        (e.fields["position"], e.fields["step"])
        for kind in (EntryKind.POLICY_PROPOSED, EntryKind.POLICY_ACCEPTED)
        for e in _entries(room, kind)
    ]
    assert sorted(told) == [(s.position, s.digest) for s in steps]
    last = _entries(room, EntryKind.POLICY_IN_FORCE)[-1]
    assert (last.fields["policy_digest"], last.fields["replaced"]) == (
        _digest(LOOSER),
        _digest(POLICY),
    )


def test_what_is_in_force_may_be_accepted_anew_and_counts_for_nothing_else(room):
    signing.propose(room.service, OFFICER, LOOSER)
    (missing,) = _accept(room, POLICY, party("megamart"))
    assert missing.nobody
    assert _in_force(room) == _digest(POLICY)
    view = views.view(room.service, party("megamart"), "spring-campaign")
    assert view.latest_acceptances == ()
    assert set(view.waiting_for) == {"acme-brand", "megamart"}
