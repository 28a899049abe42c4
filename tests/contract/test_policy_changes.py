"""What a change of policy may and may not do to budgets, acceptances and answers."""

from __future__ import annotations

import pytest

from cleanroom.model.errors import PolicyNotInForce
from cleanroom.model.names import LedgerName
from cleanroom.policy.parse import parse_policy
from cleanroom.privacy.loss import nano_rho_of_budget
from cleanroom.usecases import collaborate, inspect
from support import signing
from support.policies import edited
from support.rooms import OFFICER, Room, party

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
STRICTER = POLICY.replace("epsilon: 4", "epsilon: 2")
LOOSER = POLICY.replace("epsilon: 4", "epsilon: 8")
POOL = LedgerName(owner="megamart", pool="megamart-loyalty-2026")


@pytest.fixture
def room(tmp_path):
    return Room.open(tmp_path, POLICY)


def _propose(room, document, by=OFFICER):
    return collaborate.propose(room.service, by, document.encode())


def _accept(room, document, *names):
    policy = parse_policy(document.encode())
    for name in names or [p.name for p in policy.parties]:
        signing.accept(room.service, party(name), policy.collaboration, policy.digest)


def _adopt(room, document):
    _propose(room, document)
    _accept(room, document)


def _in_force(room, collaboration="spring-campaign"):
    return room.service.store.read(lambda tx: tx.collaborations.in_force(collaboration)).digest


def _budget(room):
    return room.service.store.read(lambda tx: tx.ledgers.balance(POOL)).budget


def _terms(document):
    (terms,) = [t for t in parse_policy(document.encode()).ledgers() if t.ledger == POOL]
    return terms


def _nano(document):
    terms = _terms(document)
    return nano_rho_of_budget(terms.epsilon, terms.delta)


def _elsewhere(document):
    return document.replace("collaboration: spring-campaign", "collaboration: autumn-campaign")


def test_one_party_cannot_bring_a_replaced_policy_back_with_old_acceptances(room):
    _adopt(room, STRICTER)
    stricter = _in_force(room)
    _propose(room, POLICY, by=party("acme-brand"))
    _accept(room, POLICY, "acme-brand")
    assert _in_force(room) == stricter
    view = collaborate.view(room.service, party("acme-brand"), "spring-campaign")
    assert set(view.waiting_for) == {"megamart"}
    _accept(room, POLICY, "megamart")
    assert _in_force(room) == room.policy.digest


def test_an_acceptance_of_a_proposal_that_another_replaced_does_not_count_later(tmp_path):
    room = Room.open(tmp_path, POLICY, accept=False)
    _accept(room, POLICY, "megamart", "fiscal-data")
    _propose(room, STRICTER)
    _propose(room, POLICY)
    _accept(room, POLICY, "acme-brand")
    with pytest.raises(PolicyNotInForce, match="megamart"):
        collaborate.envelopes(room.service, party("acme-brand"), "spring-campaign")


def test_proposing_the_policy_in_force_again_keeps_its_acceptances(room):
    _propose(room, STRICTER)
    _propose(room, POLICY)
    view = collaborate.view(room.service, party("acme-brand"), "spring-campaign")
    assert view.latest.digest == view.in_force.digest == room.policy.digest
    assert len(view.in_force_acceptances) == 3
    assert view.waiting_for == ()


def test_a_change_of_policy_sets_the_budget_of_its_pool(room):
    for document in (STRICTER, LOOSER):
        _adopt(room, document)
        assert _budget(room) == _nano(document)


def test_another_collaboration_cannot_raise_the_budget_of_a_shared_pool(room):
    _adopt(room, _elsewhere(LOOSER))
    assert _budget(room) == _nano(POLICY)


def test_the_strictest_policy_in_force_sets_the_budget_whichever_came_last(room):
    _adopt(room, _elsewhere(STRICTER))
    assert _budget(room) == _nano(STRICTER)
    _adopt(room, LOOSER)
    assert _budget(room) == _nano(STRICTER)
    _adopt(room, _elsewhere(POLICY.replace("megamart-loyalty-2026", "another-pool")))
    assert _budget(room) == _nano(LOOSER)


def test_a_smaller_delta_elsewhere_makes_the_budget_smaller_too(room):
    careful = _elsewhere(POLICY.replace("delta: 1e-7", "delta: 1e-12"))
    assert _nano(careful) < _nano(POLICY)
    _adopt(room, careful)
    assert _budget(room) == _nano(careful)


def test_a_balance_is_shown_in_the_terms_that_set_its_budget(room):
    _adopt(room, _elsewhere(STRICTER))
    (view,) = [
        v for v in inspect.balances(room.service, party("megamart")) if v.balance.ledger == POOL
    ]
    assert view.terms.epsilon == _terms(STRICTER).epsilon
    assert nano_rho_of_budget(view.terms.epsilon, view.terms.delta) == view.balance.budget
