"""Which policy sets the budget of a ledger that several of them name; must not know debits.

A ledger belongs to people, not to a collaboration, and each policy in force promises them its own
(epsilon, delta). All promises are kept only by the smallest budget, whichever came into force
last; so a new collaboration that names an old pool can lower its budget and never raise it.
"""

from __future__ import annotations

from cleanroom.model.allowance import LedgerTerms
from cleanroom.model.names import LedgerName
from cleanroom.policy.document import Policy
from cleanroom.ports.store import Transaction
from cleanroom.privacy.loss import nano_rho_of_budget
from cleanroom.usecases.service import read_policy


def nano_rho(terms: LedgerTerms) -> int:
    """Return the whole budget that terms promise; raises FieldInvalid below one nano-rho."""
    return nano_rho_of_budget(terms.epsilon, terms.delta)


def binding_terms(tx: Transaction) -> dict[LedgerName, LedgerTerms]:
    """Return, for each ledger of a policy in force, the terms that promise the smallest budget."""
    found: dict[LedgerName, LedgerTerms] = {}
    for name in tx.collaborations.names():
        proposal = tx.collaborations.in_force(name)
        for terms in read_policy(proposal).ledgers() if proposal else ():
            known = found.get(terms.ledger)
            if known is None or nano_rho(terms) < nano_rho(known):
                found[terms.ledger] = terms
    return found


def set_budgets(tx: Transaction, new: Policy, replaced: Policy | None) -> None:
    """Open the ledgers of `new`, and give those of `replaced` the budget that remains promised.

    Requires: `new` is in force. What was spent stays spent.
    """
    binding = binding_terms(tx)
    named = [t.ledger for policy in (new, replaced) if policy for t in policy.ledgers()]
    for ledger in dict.fromkeys(named):
        if ledger in binding:
            tx.ledgers.open(ledger, nano_rho(binding[ledger]))
