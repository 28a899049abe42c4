"""Many clients at once get exactly what the budget allows, and one answer to one question."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError

import pytest

from cleanroom.audit.entry import EntryKind
from cleanroom_client.errors import RoomError
from cleanroom_client.question import SalesLift
from support.processes import exposures_frame, fill, policy_text, sales_frame

PARTIES = ("acme-brand", "megamart")
CLIENTS = 256 if os.environ.get("CLEANROOM_SLOW") else 64
ROUNDS = 3 if os.environ.get("CLEANROOM_SLOW") else 1
GRANTS = 19
START = datetime(2026, 1, 1, tzinfo=UTC)


def _question(number):
    """Questions that differ only in their window cost the same."""
    return SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        window=(START, START + timedelta(hours=number + 1)),
    )


def _race(site, ask):
    """Let every client make one call at once, each on a connection of its own."""
    gate = Barrier(CLIENTS)

    def run(number):
        with site.room(PARTIES[number % 2]) as room:
            try:
                room.budget()  # the connection is made
            except BaseException:
                gate.abort()
                raise
            gate.wait(60)
            try:
                return ask(room, number)
            except RoomError as refusal:
                return refusal

    with ThreadPoolExecutor(CLIENTS) as threads:
        calls = [threads.submit(run, number) for number in range(CLIENTS)]
    broken = [e for c in calls if (e := c.exception()) and not isinstance(e, BrokenBarrierError)]
    assert broken == []
    return [call.result() for call in calls]


def _spent(site):
    found = {}
    for name in PARTIES:
        with site.room(name) as room:
            found |= {b.ledger: (b.spent_nano_rho, b.budget_nano_rho) for b in room.budget()}
    return found


def _kinds(site):
    with site.room("auditor") as room:
        entries, _ = room.verified_log()
    return [entry.kind for entry in entries]


@pytest.fixture(params=range(ROUNDS))
def site(make_site):
    made = make_site(policy_text())
    made.start()
    fill(made, exposures_frame(120), sales_frame(120, 30))
    return made


@pytest.fixture
def rho(site):
    """A loss that fits GRANTS times into the tightest budget, with something left over."""
    tightest = min(budget for _, budget in _spent(site).values())
    return f"0.{tightest * 10 // (GRANTS * 10 + 3):09d}"


@pytest.fixture
def plan(site, rho):
    with site.room("acme-brand") as room:
        plans = [room.plan(_question(n), rho=rho) for n in range(3)]
    assert len({p.debits for p in plans}) == 1
    return {d.ledger: d.nano_rho for d in plans[0].debits}


def test_different_questions_are_granted_until_the_budget_is_used_and_not_once_more(
    site, rho, plan
):
    granted = min(budget // plan[ledger] for ledger, (_, budget) in _spent(site).items())
    assert granted == GRANTS

    found = _race(site, lambda room, n: room.ask(_question(n), rho=rho))

    answers = [f for f in found if not isinstance(f, RoomError)]
    refusals = [f.reason for f in found if isinstance(f, RoomError)]
    assert len(answers) == granted
    assert refusals == ["BUDGET_EXHAUSTED"] * (CLIENTS - granted)
    assert len({a.question_digest for a in answers}) == granted
    assert all(dict(a.debits) == plan for a in answers)
    assert {k: spent for k, (spent, _) in _spent(site).items()} == {
        ledger: granted * cost for ledger, cost in plan.items()
    }
    kinds = _kinds(site)
    assert kinds.count(EntryKind.QUESTION_RESERVED) == granted
    assert kinds.count(EntryKind.QUESTION_RELEASED) == granted
    assert kinds.count(EntryKind.QUESTION_REFUSED) == CLIENTS - granted
    assert site.stop() == 0
    assert site.fsck() == ()


def test_one_question_asked_by_everybody_is_debited_once_and_answered_alike(site, rho, plan):
    found = _race(site, lambda room, n: room.ask(_question(0), rho=rho))

    assert {type(f).__name__ for f in found} == {"Measurement"}
    assert len({f.receipt for f in found}) == 1
    assert {k: spent for k, (spent, _) in _spent(site).items()} == plan
    assert _kinds(site).count(EntryKind.QUESTION_RELEASED) == 1
    assert site.stop() == 0
    assert site.fsck() == ()


def test_one_request_id_used_by_everybody_at_once_is_one_request_of_each_party(site, rho, plan):
    found = _race(site, lambda room, n: room.ask(_question(0), rho=rho, request_id="the-same-1"))

    assert {type(f).__name__ for f in found} == {"Measurement"}
    assert len({f.receipt for f in found}) == 1
    assert {k: spent for k, (spent, _) in _spent(site).items()} == plan
    for name in PARTIES:
        with site.room(name) as room:
            assert [r.request_id for r in room.list()] == ["the-same-1"]


def test_one_request_id_with_different_questions_carries_one_of_each_party(site, rho, plan):
    found = _race(site, lambda room, n: room.ask(_question(n), rho=rho, request_id="the-same-2"))

    answers = [f for f in found if not isinstance(f, RoomError)]
    refusals = {f.reason for f in found if isinstance(f, RoomError)}
    assert len(answers) == len(PARTIES)
    assert refusals == {"REQUEST_ID_REUSED"}
    assert {k: spent for k, (spent, _) in _spent(site).items()} == {
        ledger: len(PARTIES) * cost for ledger, cost in plan.items()
    }
