"""The whole way of a question, in one process on real storage."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from cleanroom.audit.checkpoint import open_checkpoint
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.audit.log import verify_log
from cleanroom.audit.note import verifier_of
from cleanroom.model.errors import (
    BudgetExhausted,
    DatasetNotSealed,
    NotPermitted,
    PolicyDigestMismatch,
    PolicyNotInForce,
    QuestionRefused,
    RelayMisbehaved,
    RelayPending,
    RequestIdReused,
    UploadConflict,
)
from cleanroom.model.question import Ask, MatchRate, SalesLift, SegmentSize
from cleanroom.usecases import analyse, collaborate, ingest, inspect, relay
from support import signing
from support.policies import edited
from support.rooms import AUDITOR, DAY, OFFICER, Room, ipc, make_service, party

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
LARGE = edited(
    ("2026-03-01", "2026-01-01"),
    ("epsilon: 4", "epsilon: 1000"),
    ("per_question: 0.5", "per_question: 100"),
    ("people: 50", "people: 10"),
)
SMALL = edited(("2026-03-01", "2026-01-01"), ("epsilon: 4", "epsilon: 1"))
RATE = MatchRate(datasets=("exposures", "sales"))
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",))


def _exposures(n=300):
    return [
        {"email": f"e{i}", "phone": f"p{i}", "city": i % 3, "arm": i % 2, "impressions": i % 7}
        for i in range(n)
    ]


def _sales(n=300, first=100):
    rows = [{"email": f"e{i}", "amount": 1000 + i} for i in range(first, n)]
    return rows + [{"phone": f"p{i}", "amount": 500} for i in range(n, n + 50)]


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, POLICY)


@pytest.fixture
def filled(tmp_path):
    room = Room.open(tmp_path, LARGE)
    room.fill(exposures=_exposures(), sales=_sales())
    return room


def _measurement(room, receipt):
    return json.loads(room.verified(receipt).measurement)


def _kinds(room):
    entries, _ = inspect.entries(room.service, AUDITOR, start=0, count=1000)
    return [decode_entry(e).kind for e in entries]


def test_psi_tokens_of_all_parties_give_the_true_match(filled):
    answer = _measurement(filled, filled.ask("acme-brand", RATE))
    figures = dict(answer["cells"][0]["statistics"])
    assert abs(figures["matched"] - 200) <= 3
    assert abs(figures["people:exposures"] - 300) <= 3
    assert abs(figures["people:sales"] - 250) <= 3


def test_every_family_is_answered_with_a_receipt_that_verifies(filled):
    for question in (RATE, LIFT, SegmentSize(datasets=("exposures",), by=("city", "segment"))):
        answer = _measurement(filled, filled.ask("acme-brand", question))
        assert answer["family"] == question.family
        assert answer["debits"]


def test_the_log_verifies_and_holds_each_step(filled):
    filled.ask("acme-brand", RATE)
    note = inspect.signed_checkpoint(filled.service).note
    checkpoint = open_checkpoint(note, verifier_of(filled.service.signer))
    entries, size = inspect.entries(filled.service, AUDITOR, start=0, count=1000)
    assert verify_log(entries, checkpoint).checkpoint.size == size
    kinds = _kinds(filled)
    for kind in (
        EntryKind.POLICY_PROPOSED,
        EntryKind.POLICY_IN_FORCE,
        EntryKind.UPLOAD_STARTED,
        EntryKind.RELAY_PASSED,
        EntryKind.VERSION_SEALED,
        EntryKind.QUESTION_RESERVED,
        EntryKind.QUESTION_RELEASED,
    ):
        assert kind in kinds
    assert kinds.index(EntryKind.QUESTION_RESERVED) < kinds.index(EntryKind.QUESTION_RELEASED)


def test_a_repeat_gets_the_same_bytes_and_debits_nothing(filled):
    first = filled.ask("acme-brand", RATE, "request-0001")
    spent = filled.spent()
    assert filled.ask("acme-brand", RATE, "request-0001") == first
    assert filled.ask("acme-brand", RATE, "request-0002") == first
    other_words = MatchRate(datasets=("sales", "exposures"))
    assert filled.ask("megamart", other_words, "request-0003") == first
    assert filled.spent() == spent


def test_each_ledger_is_debited_what_was_planned(filled):
    ask = Ask(collaboration=filled.policy.collaboration, question=LIFT)
    planned, _ = analyse.plan(filled.service, party("acme-brand"), ask)
    before = filled.spent()
    filled.ask("acme-brand", LIFT)
    after = filled.spent()
    assert {str(k): v for k, v in planned.debits} == {k: after[k] - before[k] for k in after}
    assert all(after[k] > before[k] for k in after)


def test_a_request_id_cannot_carry_another_question(filled):
    filled.ask("acme-brand", RATE, "request-0001")
    with pytest.raises(RequestIdReused):
        filled.ask("acme-brand", LIFT, "request-0001")
    with pytest.raises(RequestIdReused):
        filled.ask("acme-brand", RATE, "request-0001", epsilon=Fraction(1, 10))


def test_the_next_day_is_another_question_but_an_old_request_keeps_its_answer(filled):
    first = filled.ask("acme-brand", RATE, "request-0001")
    filled.service.clock.now += DAY
    assert filled.ask("acme-brand", RATE, "request-0001") == first
    spent = filled.spent()
    assert filled.ask("acme-brand", RATE, "request-0002") != first
    assert filled.spent() != spent


def test_a_refusal_is_logged_and_costs_nothing(filled):
    spent = filled.spent()
    with pytest.raises(QuestionRefused, match="may_ask"):
        filled.ask("megamart", LIFT)
    assert filled.spent() == spent
    assert _kinds(filled)[-1] is EntryKind.QUESTION_REFUSED


def _exhaust(room, question):
    """Ask with ever smaller losses until a ledger refuses; return how many were answered."""
    for cents in range(49, 0, -1):
        try:
            room.ask("acme-brand", question, epsilon=Fraction(cents, 100))
        except BudgetExhausted:
            return 49 - cents
    raise AssertionError("no ledger refused")


def test_a_budget_is_never_overspent(tmp_path):
    room = Room.open(tmp_path, SMALL)
    room.fill(exposures=_exposures(60), sales=_sales(60, 20))
    assert _exhaust(room, RATE) > 3
    balances = room.service.store.read(lambda tx: tx.ledgers.all())
    assert all(0 < b.spent <= b.budget for b in balances)


def test_one_ledger_that_cannot_pay_leaves_the_others_untouched(tmp_path):
    room = Room.open(tmp_path, SMALL)
    room.fill(exposures=_exposures(60), sales=_sales(60, 20))
    one = SegmentSize(datasets=("exposures",), by=("city",))
    _exhaust(room, one)
    spent = room.spent()
    with pytest.raises(BudgetExhausted) as refused:
        room.ask("acme-brand", RATE)
    assert refused.value.owner == "acme-brand"
    assert room.spent() == spent


def test_a_reserved_question_is_resumed_under_the_same_debit(filled, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(analyse, "measure", _crash)
        with pytest.raises(KeyboardInterrupt):
            filled.ask("acme-brand", RATE, "request-0001")
    spent = filled.spent()
    restarted = make_service(tmp_path)
    assert analyse.resume(restarted) == 1
    filled.service = restarted
    receipt = filled.ask("acme-brand", RATE, "request-0001")
    assert _measurement(filled, receipt)["family"] == "match_rate"
    assert filled.spent() == spent
    assert analyse.resume(restarted) == 0


def _crash(*_):
    raise KeyboardInterrupt


def test_an_unsealed_dataset_is_named(room):
    with pytest.raises(DatasetNotSealed, match="exposures"):
        room.ask("acme-brand", RATE)


def test_sealing_waits_for_the_other_parties(room):
    room.upload("sales", _sales(60, 20))
    with pytest.raises(RelayPending) as refused:
        room.seal("sales")
    assert refused.value.waiting_for == ("acme-brand",)
    room.blind("acme-brand")
    assert room.seal("sales") == room.seal("sales")


def test_a_party_that_uses_two_keys_is_named_and_its_work_refused(room):
    room.upload("sales", _sales(60, 20))
    ready, pending = relay.tasks(room.service, party("acme-brand"))
    assert pending == len(ready)
    task = ready[0]
    (index, packed), *_ = relay.stream(room.service, party("acme-brand"), task.id, 0)
    half = room.evaluated("acme-brand", packed[: len(packed) // 2])
    cheat = half + room.evaluated("somebody-else", packed[len(packed) // 2 :])
    with pytest.raises(RelayMisbehaved):
        relay.take(room.service, party("acme-brand"), task=task.id, index=index, elements=cheat)
    assert _kinds(room)[-1] is EntryKind.RELAY_MISBEHAVED
    with pytest.raises(RelayMisbehaved, match="acme-brand"):
        room.seal("sales")


def test_a_party_that_changes_its_key_between_uploads_is_named(room):
    room.upload("sales", _sales(60, 20))
    room.blind_all()
    room.seal("sales")
    room.secrets["acme-brand"] = room.secrets.pop("somebody", None) or room.secret("new-key")
    room.upload("sales", _sales(80, 20))
    with pytest.raises(RelayMisbehaved, match="two ways"):
        room.blind("acme-brand")


def test_an_upload_resumes_where_it_was_cut(room):
    upload = room.begin("sales", "file-digest-01")
    chunk = _chunk(room)
    room.put(upload.id, "sales", 0, chunk)
    again = room.begin("sales", "file-digest-01")
    assert (again.id, again.chunks) == (upload.id, 1)
    assert room.put(upload.id, "sales", 0, chunk).chunks == 1
    with pytest.raises(UploadConflict, match="number 1"):
        room.put(upload.id, "sales", 2, chunk)


def _chunk(room):
    return ipc(room.rows("sales", _sales(30, 20)))


def test_a_policy_is_in_force_only_when_everybody_accepted(tmp_path):
    room = Room.open(tmp_path, POLICY, accept=False)
    with pytest.raises(PolicyNotInForce):
        room.ask("acme-brand", RATE)
    assert room.accept("acme-brand") == ("megamart", "fiscal-data")
    assert room.accept("megamart") == ("fiscal-data",)
    with pytest.raises(PolicyNotInForce, match="fiscal-data"):
        room.begin("exposures")
    assert room.accept("fiscal-data") == ()
    assert room.begin("exposures").chunks == 0


def test_a_looser_policy_leaves_the_old_one_in_force_until_all_concerned_accept(room):
    changed = POLICY.replace("epsilon: 4", "epsilon: 5")
    proposal = collaborate.propose(room.service, OFFICER, changed.encode())
    room.upload("exposures", _exposures(20))
    room.accept("acme-brand")  # anew what is in force, which says nothing of the proposal
    with pytest.raises(PolicyDigestMismatch):
        signing.accept(room.service, party("acme-brand"), "spring-campaign", "0" * 64)
    view = collaborate.view(room.service, party("megamart"), "spring-campaign")
    assert (view.in_force.digest, view.latest.digest) == (room.policy.digest, proposal.digest)
    assert set(view.waiting_for) == {"acme-brand", "megamart"}


def test_outsiders_cannot_tell_a_collaboration_from_none(room):
    for name in ("spring-campaign", "no-such-thing"):
        with pytest.raises(NotPermitted) as refused:
            collaborate.view(room.service, party("stranger"), name)
        assert refused.value.what == f"collaborations/{name}"


def test_other_parties_and_auditors_cannot_touch_a_dataset(room):
    for actor in (party("megamart"), party("stranger"), AUDITOR):
        with pytest.raises(NotPermitted):
            ingest.describe(room.service, actor, room.name("exposures"))
    with pytest.raises(NotPermitted):
        inspect.entries(room.service, party("megamart"), start=0, count=1)


def test_an_erased_version_answers_no_more_and_its_files_are_gone(filled):
    version = filled.seal("sales")
    ingest.erase(filled.service, filled.owner("sales"), version.id)
    with pytest.raises(DatasetNotSealed):
        filled.ask("acme-brand", RATE)
    with pytest.raises(KeyError):
        filled.service.vault.get_version(version.id, version.file_digest)


def test_people_without_consent_are_in_no_figure(tmp_path):
    room = Room.open(tmp_path, LARGE)
    exposures = [r | {"purposes": 1 if i < 200 else 0} for i, r in enumerate(_exposures())]
    sales = [r | {"consent_until": 0 if i < 50 else 2**40} for i, r in enumerate(_sales())]
    room.fill(exposures=exposures, sales=sales)
    figures = dict(_measurement(room, room.ask("acme-brand", RATE))["cells"][0]["statistics"])
    assert abs(figures["people:exposures"] - 200) <= 3
    assert abs(figures["people:sales"] - 200) <= 3
    assert abs(figures["matched"] - 50) <= 3
