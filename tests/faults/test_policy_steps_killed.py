"""Agreeing on policies with a real server that is killed between any two steps, and during them."""

from __future__ import annotations

import threading

import pytest

from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.policy.parse import parse_policy
from cleanroom_client import CleanRoom, Patience
from support.processes import PATIENCE, policy_text

POLICY = policy_text()
TIGHTER = POLICY.replace("epsilon: 4", "epsilon: 3")
LOOSER = POLICY.replace("epsilon: 4", "epsilon: 5")
PARTIES = ("acme-brand", "megamart")
DOCUMENTS = (POLICY, LOOSER, POLICY, LOOSER)


def _digest(document):
    return parse_policy(document.encode()).digest


@pytest.fixture
def site(make_site):
    made = make_site(POLICY)
    made.start()
    return made


def _again(site):
    assert site.kill() == -9
    site.start()


def _file(site, name, document):
    path = site.sandbox.root / f"{name}.yaml"
    path.write_text(document)
    return path


def _officer(site, party):
    return CleanRoom.connect(
        site.sandbox.profile_of(site.sandbox.officer(party)), patience=PATIENCE
    )


def _seen(site, party="acme-brand"):
    with site.room(party) as room:
        return room.collaboration()


def _history(site):
    with site.room("acme-brand") as room:
        return [
            (s.statement.position, str(s.statement.kind), s.statement.signer, s.put_in_force)
            for s in room.history()
        ]


def test_a_restart_between_steps_changes_nothing(site):
    for party in PARTIES:
        with _officer(site, party) as officer:
            officer.accept(_digest(POLICY))
        _again(site)
    assert _seen(site).in_force.digest == _digest(POLICY)
    with _officer(site, "megamart") as mia:
        proposed = mia.propose(_file(site, "looser", LOOSER))
    assert set(proposed.waiting_for) == set(PARTIES)
    _again(site)
    with _officer(site, "acme-brand") as jane:
        assert jane.accept(_digest(LOOSER)).waiting_for == ("megamart",)
    before = _history(site)
    _again(site)
    # Still the old one: one of two concerned has accepted, and a restart is nobody's word.
    assert _seen(site).in_force.digest == _digest(POLICY)
    assert _history(site) == before
    with _officer(site, "megamart") as mia:
        assert mia.accept(_digest(LOOSER)).in_force
    _again(site)
    assert _seen(site).in_force.digest == _digest(LOOSER)
    with _officer(site, "megamart") as mia:
        assert mia.propose(_file(site, "tighter", TIGHTER)).in_force
    _again(site)
    assert _seen(site).in_force.digest == _digest(TIGHTER)
    assert [turn for *_, turn in _history(site)] == [False, False, True, False, False, True, True]
    site.stop()
    assert site.fsck() == ()


def test_a_looser_policy_that_the_operator_brings_back_is_nobodys_word(site):
    for document in (POLICY, TIGHTER):
        path = _file(site, "policy", document)
        with _officer(site, "megamart") as mia, _officer(site, "acme-brand") as jane:
            mia.propose(path)
            for officer in (mia, jane):
                officer.accept(_digest(document))
    with site.room("officer") as neutral:
        neutral.propose(_file(site, "policy", POLICY))
    _again(site)
    seen = _seen(site)
    assert seen.in_force.digest == _digest(TIGHTER)
    assert not seen.latest.accepted
    assert set(seen.waiting_for) == set(PARTIES)


def test_kills_while_steps_are_taken_lose_and_double_none(site):
    """Officers go on by the same request until it is answered, as the SDK does."""
    failures = []

    def agree(party):
        patience = Patience(timeout_s=30.0, give_up_s=60.0)
        profile = site.sandbox.profile_of(site.sandbox.officer(party))
        try:
            with CleanRoom.connect(profile, patience=patience) as room:
                for document in DOCUMENTS:
                    path = site.sandbox.root / f"{party}-{_digest(document)[:8]}.yaml"
                    path.write_text(document)
                    turn.wait(120)
                    room.propose(path)
                    turn.wait(120)
                    room.accept(_digest(document))
                    turn.wait(120)
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
            turn.abort()

    turn = threading.Barrier(len(PARTIES) + 1)
    threads = [threading.Thread(target=agree, args=(party,), daemon=True) for party in PARTIES]
    for thread in threads:
        thread.start()
    try:
        for _ in DOCUMENTS:
            for _ in range(2):
                turn.wait(120)
                _again(site)  # while both are at it
            turn.wait(120)
            assert _seen(site).waiting_for == ()
    except threading.BrokenBarrierError:
        pass
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert _seen(site).in_force.digest == _digest(LOOSER)
    _steps_and_log_tell_the_same(site)


def _steps_and_log_tell_the_same(site):
    site.stop()
    assert site.fsck() == ()
    with site.storage() as (store, _):
        steps = store.read(lambda tx: tx.collaborations.steps("c", 1, 999))
        log = store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    kinds = {EntryKind.POLICY_PROPOSED, EntryKind.POLICY_ACCEPTED}
    entries = [e for e in map(decode_entry, log) if e.kind in kinds]
    assert [(e.fields["position"], e.fields["step"]) for e in entries] == [
        (s.position, s.digest) for s in steps
    ]
    turns = [e for e in map(decode_entry, log) if e.kind is EntryKind.POLICY_IN_FORCE]
    assert len(turns) == sum(s.put_in_force for s in steps)
    statements = [s.step.statement for s in steps]
    assert len(set(statements)) == len(statements)
