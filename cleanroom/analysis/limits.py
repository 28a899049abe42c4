"""What a question may lose by the terms of its ledgers; must not know what has been spent."""

from __future__ import annotations

from fractions import Fraction

from cleanroom.model.allowance import Allowance, LedgerTerms
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.refusal import Reason
from cleanroom.privacy.loss import nano_rho_of_budget, nano_rho_text


def limit_nano_rho(terms: LedgerTerms) -> int:
    """Return the most that one question may take from a ledger, rounded down."""
    return nano_rho_of_budget(terms.per_question, terms.delta)


def default_nano_rho(allowance: Allowance) -> int:
    """Return the largest loss that every ledger concerned allows one question."""
    return min(limit_nano_rho(terms) for terms in allowance.ledgers)


def nano_rho_for_epsilon(allowance: Allowance, epsilon: Fraction) -> int:
    """Return `epsilon` as a loss, read at the smallest delta of the ledgers concerned."""
    return nano_rho_of_budget(epsilon, min(terms.delta for terms in allowance.ledgers))


def check_per_question(ledgers: tuple[LedgerTerms, ...], nano_rho: int) -> None:
    """Raise QuestionRefused, with every reason, above a ledger's limit for one question."""
    reasons = tuple(
        _above(terms, limit, nano_rho)
        for terms in ledgers
        if nano_rho > (limit := limit_nano_rho(terms))
    )
    if reasons:
        raise QuestionRefused(reasons=reasons)


def _above(terms: LedgerTerms, limit: int, nano_rho: int) -> Reason:
    """Return the reason without its place in a file, which the policy knows."""
    most = f"rho {nano_rho_text(limit)}"
    return Reason(
        words=f"one question may take {most} from {terms.ledger}"
        f" and this one asks for {nano_rho_text(nano_rho)}",
        allowed=f"at most {most}",
        rule=f"datasets.{terms.datasets[0]}.privacy.per_question",
        whose=(terms.ledger.owner,),
    )
