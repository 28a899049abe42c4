"""Measurements as a partner's SDK reads them, made of given noisy numbers by the real estimate."""

from __future__ import annotations

from cleanroom.analysis.canonical import canonical_json, question_to_json
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.measurement import Measurement as Released
from cleanroom.model.question import SalesLift
from cleanroom.privacy.loss import NANO
from cleanroom_client.measurement import Measurement

LOSS = 4 * NANO // 1000


def measured(allowance, statistics, *, nano_rho=LOSS, **changed) -> Measurement:
    """Return what a partner reads; `statistics` maps names to numbers, one for each cell."""
    planned = plan(allowance, nano_rho)
    question = planned.question
    released = Released(
        family=str(question.family),
        question=question_to_json(question),
        question_digest="ab" * 32,
        collaboration="spring",
        policy_digest="cd" * 32,
        versions=tuple((d, f"v-{d}") for d in question.datasets),
        epoch_s=1_769_990_400,
        design=str(question.design) if isinstance(question, SalesLift) else None,
        adjustment=str(question.adjustment) if isinstance(question, SalesLift) else None,
        pooled=(),
        dimensions=question.by,
        cells=estimate(planned, Statistics(values=statistics)),
        level=planned.level,
        mechanism="discrete_gaussian",
        parameters=planned.parameters,
        suppression_line=planned.line,
        minimum_people=planned.minimum.people,
        debits=tuple((str(ledger), cost) for ledger, cost in planned.debits),
        engine="duckdb",
    )
    text = canonical_json(released.to_json() | changed).decode()
    return Measurement._read(b"", text)
