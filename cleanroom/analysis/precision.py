"""What the questions that a policy allows cost and how precise they are, at their full price.

Must not know data or what has been spent. It plans one question of each kind, as if asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, permutations

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import LEVEL, Plan
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.family import Family
from cleanroom.model.lift import BUYERS, Design
from cleanroom.model.names import LedgerName
from cleanroom.model.precision import Precision
from cleanroom.model.question import MatchRate, Question, SalesLift, SegmentSize
from cleanroom.policy.decide import decide
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.privacy.intervals import quantile
from cleanroom.privacy.loss import nano_rho_of_budget


def precisions(policy: Policy) -> tuple[Precision, ...]:
    """Return the precision of a plain question of each granted family over each choice of data.

    The people of one dataset, the matched of two, and the buyers of a lift's arm; no breakdown,
    which would change nothing but the number of cells.
    """
    found = []
    for question in _questions(policy):
        allowance = _allowed(policy, question)
        if allowance is not None:
            found.append(_precision(allowance))
    return tuple(found)


def _questions(policy: Policy) -> Iterator[Question]:
    names = [d.schema.name for d in policy.datasets]
    for name in names:
        yield SegmentSize(datasets=(name,), by=())
    for first, second in combinations(names, 2):
        yield MatchRate(datasets=(first, second))
    for exposures, sales in permutations(policy.datasets, 2):
        yield from _lift(exposures, sales)


def _lift(exposures: DatasetRules, sales: DatasetRules) -> Iterator[Question]:
    counts = exposures.schema.counts
    if exposures.arm is not None or counts:
        yield SalesLift(
            exposures=exposures.schema.name,
            sales=sales.schema.name,
            outcome=BUYERS,
            design=Design.RANDOMIZED if exposures.arm is not None else Design.OBSERVATIONAL,
            exposed_by="" if exposures.arm is not None else counts[0].name,
        )


def _allowed(policy: Policy, question: Question) -> Allowance | None:
    """Return the allowance of anybody who may ask, on the first day."""
    for party in policy.parties:
        try:
            return decide(policy, asker=party.name, question=question, now_s=policy.valid_from_s)
        except QuestionRefused:
            continue
    return None


def _precision(allowance: Allowance) -> Precision:
    planned = make_plan(allowance, default_nano_rho(allowance))
    people = [s for s in planned.statistics if s.counts_people]
    number = next((s for s in people if s.name == "matched"), people[0])
    affordable, ledger = min(_affordable(allowance, planned))
    return Precision(
        family=Family(allowance.question.family),
        datasets=tuple(s.name for s in allowance.schemas),
        within=math.ceil(quantile(LEVEL) * number.noise_sd),
        line=planned.line,
        affordable=affordable,
        ledger=ledger,
    )


def _affordable(allowance: Allowance, planned: Plan) -> Iterator[tuple[int, LedgerName]]:
    budgets = {t.ledger: nano_rho_of_budget(t.epsilon, t.delta) for t in allowance.ledgers}
    for ledger, cost in planned.debits:
        if cost:
            yield budgets[ledger] // cost, ledger
