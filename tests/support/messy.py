"""Random small uploads that meet every rule at its edge, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from cleanroom.analysis.request import ExactRequest, Residual
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import OUTCOMES, Adjustment, Design, needs_before
from cleanroom.model.question import (
    MatchRate,
    Population,
    Question,
    SalesLift,
    SegmentSize,
    Window,
)
from support.panels import (
    EPOCH_S,
    KEYS,
    Record,
    exposures_schema,
    grouping,
    sales_schema,
    versions,
)

SEALABLE = (1, 2)
_END_S = EPOCH_S + 86_400
AFTER = Window(from_s=EPOCH_S, until_s=EPOCH_S + 100)
EARLIER = Window(from_s=EPOCH_S - 100, until_s=EPOCH_S)
DESIGNED = 1  # lifts of a case beside the plain one
TIMES = (-101, -50, -1, 0, 50, 99, 100, 101)  # of events, from EPOCH_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Two uploads by dataset name, with a question about sizes and a lift."""

    uploads: dict[str, list[Record]]
    requests: tuple[ExactRequest, ...]


def case(seed: int, times: tuple[int, ...] = TIMES) -> Case:
    """Return the case of a seed; successive seeds go through stages and kinds of question."""
    entropy = np.random.default_rng(seed)
    stages = KEYS[: seed % 3 + 1]
    pool = int(entropy.integers(4, 40))
    uploads = {name: _upload(entropy, pool, times) for name in ("exposures", "sales")}
    turn = seed // 3
    questions = (_sizes(entropy)[turn % 5], _lifts(entropy)[turn % 3])
    requests = [_request(entropy, q, stages) for q in questions]
    for position in range(DESIGNED):
        designed = _designed(entropy, seed * DESIGNED + position)
        requests += _parts(entropy, _request(entropy, designed, stages))
    return Case(uploads=uploads, requests=tuple(requests))


def _together() -> list[dict[str, object]]:
    """Return every design, outcome and adjustment that go together."""
    found = []
    for design, outcome, adjustment in product(Design, ("amount", "visits", *OUTCOMES), Adjustment):
        parts = {
            "design": design,
            "outcome": outcome,
            "adjustment": adjustment,
            "exposed_by": "" if design is Design.RANDOMIZED else "impressions",
            "strata": ("exposures.segment",) if adjustment == "post_stratified" else (),
        }
        if needs_before(outcome, adjustment):
            parts |= {"window": AFTER, "before": EARLIER}
        try:
            SalesLift(exposures="exposures", sales="sales", **parts)
        except FieldInvalid:
            continue
        found.append(parts)
    return found


def _designed(entropy: np.random.Generator, turn: int) -> SalesLift:
    """Return a lift of the turn's kind, the rest of it drawn."""
    window = AFTER if entropy.random() < 0.5 else None
    return SalesLift(
        exposures="exposures",
        sales="sales",
        by=_some(entropy, "exposures.city"),
        filters=(("category", ("other", "hair-care")),) if entropy.random() < 0.3 else (),
        population=Population.MATCHED if entropy.random() < 0.5 else Population.ALL,
        **{"window": window} | TOGETHER[turn % len(TOGETHER)],
    )


def _parts(entropy: np.random.Generator, request: ExactRequest) -> list[ExactRequest]:
    """Return both stages of a lift that has two, and a lift as it is otherwise."""
    if request.question.adjustment is not Adjustment.CUPED_TWO_STAGE:
        return [request]
    theta, bound = int(entropy.integers(-3 * 2**16, 3 * 2**16)), int(entropy.choice([1, 40, 90]))
    residual = Residual(theta=theta, bound=bound)
    return [replace(request, pooled=True), replace(request, residual=residual)]


def _upload(entropy: np.random.Generator, pool: int, times: tuple[int, ...]) -> list[Record]:
    rows = int(entropy.choice([0, 1, 60, 120], p=[0.05, 0.05, 0.4, 0.5]))
    return [_record(entropy, pool, times) for _ in range(rows)]


def _record(entropy: np.random.Generator, pool: int, times: tuple[int, ...]) -> Record:
    def one_of(*values: int) -> int:
        return int(entropy.choice(values))

    usual = entropy.random() < 0.8
    person = int(entropy.integers(pool))
    record: dict[str, object] = {
        "city": one_of(0, 1, 2),
        "segment": one_of(0, 1),
        "tier": one_of(0, 1),
        "category": one_of(0, 1, 2),
        # Mostly one arm a person, so that not everybody is contradicted.
        "arm": (person % 3) - 1 if usual else one_of(-1, 0, 1),
        "impressions": one_of(0, 3),
        "amount": one_of(-40, 0, 5, 70, 100, 2**62) if usual else 0,
        "at": EPOCH_S + one_of(*times),
        "purposes": 3 if usual else one_of(0, 1, 2, 3, 4, 5),
        "consent_at": 0 if usual else one_of(_END_S - 1, _END_S, EPOCH_S),
        "consent_until": 2**40 if usual else one_of(_END_S - 1, _END_S, _END_S + 1),
    }
    for key in ("ref", *KEYS):
        if entropy.random() < 0.5:
            slip = entropy.random() < 0.1  # somebody else's key: a transitive merge
            record[key] = f"{key}-{one_of(*range(pool)) if slip else person}"
    return record


def _sizes(entropy: np.random.Generator) -> list[Question]:
    names = ("exposures", "sales")
    own = _some(entropy, "exposures.city", "exposures.segment")
    mixed = _some(entropy, "exposures.segment", "sales.tier")
    return [
        MatchRate(datasets=names),
        MatchRate(datasets=names, by=own),
        MatchRate(datasets=names, by=mixed),
        SegmentSize(datasets=names, by=("exposures.city", "sales.tier")),
        SegmentSize(datasets=("sales",), by=("sales.tier",)),
    ]


def _lifts(entropy: np.random.Generator) -> list[Question]:
    return [
        SalesLift(
            exposures="exposures",
            sales="sales",
            outcome=outcome,
            by=_some(entropy, "exposures.city", "exposures.segment"),
            window=Window(from_s=EPOCH_S, until_s=EPOCH_S + 100)
            if entropy.random() < 0.5
            else None,
            filters=(("category", ("other", "hair-colour")),) if entropy.random() < 0.5 else (),
            population=Population.MATCHED if entropy.random() < 0.5 else Population.ALL,
        )
        for outcome in ("amount", "visits", "buyers")
    ]


def _some(entropy: np.random.Generator, *names: str) -> tuple[str, ...]:
    return tuple(n for n in names if entropy.random() < 0.6)


def _request(entropy: np.random.Generator, question: Question, stages) -> ExactRequest:
    schemas = {"exposures": exposures_schema(), "sales": sales_schema()}
    strata = getattr(question, "strata", ())
    by = [dimension.split(".") for dimension in question.by]
    return ExactRequest(
        question=question,
        versions=versions(*(schemas[name] for name in question.datasets)),
        groupings=tuple(grouping(schemas[dataset], name) for dataset, name in by),
        stages=stages,
        purposes=int(entropy.choice([1, 2, 3])),
        epoch_s=EPOCH_S,
        bound=int(entropy.choice([1, 60, 150])),
        low=int(entropy.choice([0, 0, -30])),
        visits_bound=int(entropy.choice([1, 3])),
        visits_unit=int(entropy.choice([1, 2])),
        strata=tuple(grouping(schemas["exposures"], s.partition(".")[2]) for s in strata),
        square_unit=int(entropy.choice([1, 3, 10])),
    )


def dense(seed: int) -> Case:
    """Return people who nearly all match and buy, and a lift of every kind about them."""
    entropy = np.random.default_rng(1_000 + seed)

    def one_of(*values: int) -> int:
        return int(entropy.choice(values))

    uploads = {
        "exposures": [
            {
                "email": f"p{i}",
                "arm": one_of(-1, 0, 1, 0, 1),
                "impressions": one_of(0, 0, 2),
                "city": one_of(0, 1, 2),
                "segment": one_of(0, 1),
            }
            for i in range(60)
        ],
        "sales": [
            {
                "email": f"p{one_of(*range(65))}",
                "amount": one_of(-90, -7, 0, 5, 33, 70, 100),
                "category": one_of(0, 1, 2),
                "at": EPOCH_S + one_of(-101, -70, -1, 0, 50, 99, 100),
            }
            for _ in range(200)
        ],
    }
    asked = [_designed(entropy, turn) for turn in range(len(TOGETHER))]
    requests = [_request(entropy, question, KEYS[:1]) for question in asked]
    usable = [replace(request, purposes=1) for request in requests]
    return Case(uploads=uploads, requests=tuple(p for r in usable for p in _parts(entropy, r)))


TOGETHER = _together()
