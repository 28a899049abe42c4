"""What noise and budgets mean for askers and for the people asked about, in sentences.

Must not know how noise is planned: figures come as `Precision`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cleanroom.model.allowance import LedgerTerms
from cleanroom.model.precision import Precision
from cleanroom.model.question import Family
from cleanroom.policy.changes import decimal_text
from cleanroom.policy.document import Policy
from cleanroom.policy.prose import chance, counted, listed, odds


def precision_words(precisions: Sequence[Precision]) -> Iterator[str]:
    """Yield how far noise moves each kind of number, and how often it can be asked for."""
    yield (
        "Noise moves a number of people by at most the ± given here in 95 of 100 answers, "
        "whether a hundred people were counted or a million. That is at the most that one "
        "question may take of the budgets; a question that offers less gets more noise. Cells of a "
        "breakdown have the same noise each. What a lift could detect, 'cleanroom-client plan' says."
    )
    for precision in precisions:
        yield f"- {_what(precision)}: ± {precision.within:,} people. {_rest(precision)}"
    if not precisions:
        yield "- No plain question may be asked."


def _what(precision: Precision) -> str:
    first, *others = precision.datasets
    match precision.family:
        case Family.SEGMENT_SIZE:
            return f"People of {first}"
        case Family.MATCH_RATE:
            return f"People known in both {first} and {listed(others)}"
        case Family.SALES_LIFT:
            return f"People of {first} in each group of a lift on {listed(others)}"


def _rest(precision: Precision) -> str:
    times = counted(precision.affordable, "such question uses", "such questions use")
    line = f"A noisy number below {precision.line:,} is withheld."
    return f"{line} {times} up the budget {precision.ledger.pool} of {precision.ledger.owner}."


def budget_words(policy: Policy) -> Iterator[str]:
    """Yield the guarantee that each budget gives to the people behind it."""
    yield (
        "All answers together, whoever asks and however often, change the odds of anything that "
        "could be concluded about one person by at most the factor given here, against a world "
        "in which the person's rows were never brought. Somebody in several datasets has less "
        "protection than each line says. When a budget is used up, every further question about "
        "its people is refused; it never renews."
    )
    for terms in policy.ledgers():
        yield f"- {_budget(policy, terms)}"


def _budget(policy: Policy, terms: LedgerTerms) -> str:
    own = [d for d in terms.datasets if _declares(policy, d)]
    inherited = (
        "" if own else " No budget is set for it, so it has the smallest amounts that others set."
    )
    return (
        f"People of {listed(terms.datasets)}: a factor of {odds(terms.epsilon)}, which fails "
        f"with a chance of at most {chance(terms.delta)}. {_once(policy, terms)} The budget is the "
        f"pool {terms.ledger.pool} of {terms.ledger.owner}, whatever collaboration draws on it, "
        f"counted as zCDP.{inherited}"
    )


def _once(policy: Policy, terms: LedgerTerms) -> str:
    """Return the most that one question may take, by dataset where they differ."""
    once = {d: decimal_text(policy.ledger_terms(d).per_question) for d in terms.datasets}
    if len(set(once.values())) == 1:
        return f"One question takes at most epsilon {once[terms.datasets[0]]} of it."
    each = listed(f"{epsilon} if it asks about {d}" for d, epsilon in once.items())
    return f"One question takes at most epsilon {each}."


def _declares(policy: Policy, dataset: str) -> bool:
    rules = policy.dataset(dataset)
    return rules is not None and rules.privacy is not None
