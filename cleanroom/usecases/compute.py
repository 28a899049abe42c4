"""From a reserved question to its measurement: exact integers, noise, estimates.

This is the only place where exact integers and noise meet; nothing exact leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cleanroom.analysis.canonical import question_to_json
from cleanroom.analysis.estimate import estimate, pooled_statistics
from cleanroom.analysis.noise import add_noise, add_pooled_noise
from cleanroom.analysis.plan import Plan, exact_request, with_residual
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.analysis.request import ExactRequest, Statistics
from cleanroom.analysis.two_stage import pooled_request, residual_of, residual_request
from cleanroom.model.allowance import Allowance
from cleanroom.model.dataset import VersionRef
from cleanroom.model.measurement import Measurement
from cleanroom.model.question import SalesLift
from cleanroom.policy.decide import decide
from cleanroom.policy.document import Policy
from cleanroom.ports.records import StoredQuestion, Version
from cleanroom.ports.store import Transaction
from cleanroom.ports.tables import SealedTables
from cleanroom.privacy.mechanism import NAME as MECHANISM
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.service import Service, read_policy

Load: TypeAlias = Callable[[VersionRef], SealedTables]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question with everything its exact statistics are computed from, and its plan."""

    pinned: Pinned
    allowance: Allowance
    planned: Plan
    request: ExactRequest
    load: Load


def measure(service: Service, stored: StoredQuestion) -> Measurement | None:
    """Return the measurement of a reserved question, or None if a version of it was erased.

    Requires: the question's debit is durable.
    Ensures: every number returned went through the mechanism with the scale that was debited.
    """
    ready = prepared(service, stored)
    if ready is None:
        return None
    if not ready.planned.pooled:
        noisy = add_noise(ready.planned, service.engine.exact(ready.request, ready.load))
        return _measurement(service, stored, ready.pinned, ready.planned, noisy, {})
    pooled = _first_stage(service, ready.planned, ready.request, ready.load)
    narrowed, request = second_stage(ready, pooled)
    noisy = add_noise(narrowed, service.engine.exact(request, ready.load))
    return _measurement(service, stored, ready.pinned, narrowed, noisy, pooled)


def second_stage(ready: Prepared, pooled: Mapping[str, int]) -> tuple[Plan, ExactRequest]:
    """Return the plan and the request of a second stage, which follow from the noisy first one."""
    residual = residual_of(ready.planned, pooled)
    narrowed = with_residual(ready.planned, ready.allowance, ready.pinned.nano_rho, residual)
    return narrowed, residual_request(ready.request, residual)


def prepared(service: Service, stored: StoredQuestion) -> Prepared | None:
    """Return what a stored question is computed from; None if a version of it was erased."""
    pinned = Pinned.parse(stored.canonical)
    policy, versions, left = service.store.read(lambda tx: (*_pins(tx, pinned), _left(tx, pinned)))
    if any(v.erased_at_s is not None for v in versions):
        return None
    allowance = decide(
        policy, asker=stored.asker, question=pinned.question, now_s=stored.reserved_at_s
    )
    planned = make_plan(allowance, pinned.nano_rho)
    if planned.debits != tuple((d.ledger, d.nano_rho) for d in stored.debits):
        raise AssertionError("the plan does not cost what was debited: nothing is released")
    by_id = {v.id: v for v in versions}

    def load(ref: VersionRef) -> SealedTables:
        tables = service.vault.get_version(ref.version, by_id[ref.version].file_digest)
        return tables.without_people(left[ref.version])

    request = exact_request(
        planned,
        purposes=allowance.purposes,
        versions=tuple(
            VersionRef(version=version, schema=schema)
            for (_, version), schema in zip(pinned.versions, allowance.schemas, strict=True)
        ),
        epoch=policy.consent.epoch(pinned.epoch_s),
    )
    return Prepared(pinned=pinned, allowance=allowance, planned=planned, request=request, load=load)


def _first_stage(
    service: Service, planned: Plan, request: ExactRequest, load: Load
) -> Mapping[str, int]:
    """Return the pooled moments of the first of two stages under one debit, with their noise.

    They are public from here on, and so is all that is decided by them: theta and the clip of
    the residuals, which the second stage sums.
    """
    exact = service.engine.exact(pooled_request(request), load)
    noisy = add_pooled_noise(planned, exact)
    return {name: value for name, (value,) in noisy.values.items()}


def _pins(tx: Transaction, pinned: Pinned) -> tuple[Policy, tuple[Version, ...]]:
    proposal = tx.collaborations.proposal(pinned.collaboration, pinned.policy_digest)
    versions = tuple(tx.versions.get(version) for _, version in pinned.versions)
    known = tuple(v for v in versions if v is not None)
    if proposal is None or len(known) != len(versions):
        raise AssertionError("a reserved question names a policy or version that was never kept")
    return read_policy(proposal), known


def _left(tx: Transaction, pinned: Pinned) -> Mapping[str, frozenset[int]]:
    """Return who of each version withdrew before the question's epoch began."""
    return {
        version: frozenset(
            person
            for person, at_s in tx.withdrawals.people(version).items()
            if at_s < pinned.epoch_s
        )
        for _, version in pinned.versions
    }


def _measurement(
    service: Service,
    stored: StoredQuestion,
    pinned: Pinned,
    planned: Plan,
    noisy: Statistics,
    pooled: Mapping[str, int],
) -> Measurement:
    question = pinned.question
    return Measurement(
        family=str(question.family),
        question=question_to_json(question),
        question_digest=stored.digest,
        collaboration=pinned.collaboration,
        policy_digest=pinned.policy_digest,
        versions=pinned.versions,
        epoch_s=pinned.epoch_s,
        design=str(question.design) if isinstance(question, SalesLift) else None,
        adjustment=str(question.adjustment) if isinstance(question, SalesLift) else None,
        pooled=pooled_statistics(planned, pooled),
        dimensions=question.by,
        cells=estimate(planned, noisy, pooled),
        level=planned.level,
        mechanism=MECHANISM,
        parameters=planned.parameters,
        suppression_line=planned.line,
        minimum_people=planned.minimum.people,
        debits=tuple((str(d.ledger), d.nano_rho) for d in stored.debits),
        engine=service.engine.name,
    )
