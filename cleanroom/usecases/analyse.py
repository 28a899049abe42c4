"""The way of one question: decide and plan, debit, compute and noise, record, answer.

1. `_reserve`: one transaction: the policy's decision, the plan, every debit, the request id and
   the entry "reserved". When it has returned, the question is paid for.
2. `_release`: exact integers, noise, estimates; then one transaction: the measurement and the
   entry "released".
3. `receipt`: the answer, a function of what is durable, so that a repeat gets the same bytes.

A crash between 1 and 2 leaves a RESERVED question: a retry or `resume` computes it again under
the same debit. Nothing of the first computation was seen by anybody, so it may draw new noise.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from fractions import Fraction

from cleanroom.analysis.canonical import canonical_json, question_to_json
from cleanroom.analysis.plan import Plan
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.analysis.power import least_loss
from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import EntryKind
from cleanroom.model.aim import Aim
from cleanroom.model.allowance import Allowance
from cleanroom.model.errors import (
    BudgetExhausted,
    DatasetNotSealed,
    MeasurementLost,
    NotPermitted,
    QuestionRefused,
    RequestIdReused,
)
from cleanroom.model.names import Actor, ActorKind, DatasetName, check_request_id
from cleanroom.model.question import Ask, Question
from cleanroom.policy.document import Policy
from cleanroom.ports.records import Debit, QuestionState, RequestRecord, StoredQuestion
from cleanroom.ports.store import Transaction
from cleanroom.privacy.mechanism import NAME as MECHANISM
from cleanroom.usecases.asked import planned_ask
from cleanroom.usecases.compute import measure
from cleanroom.usecases.frequency import frequency_refusal
from cleanroom.usecases.noted import noted
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.receipts import receipt
from cleanroom.usecases.refused import log_refusal
from cleanroom.usecases.service import (
    Service,
    current_version,
    fits,
    party_of,
    policy_in_force,
)

_DECISIONS = (QuestionRefused, BudgetExhausted, DatasetNotSealed)
_LOG = logging.getLogger(__name__)


def plan(
    service: Service, actor: Actor, ask: Ask, aim: Aim | None = None
) -> tuple[Plan, Allowance]:
    """Return what a question would cost and how precise it would be; touches no data, no budget.

    With a wish, the plan is the cheapest that fulfils it, for at most the loss of `ask`.
    Raises NotPermitted, PolicyNotInForce, QuestionRefused, FieldInvalid, PrecisionOutOfReach.
    """
    party = party_of(actor, f"collaborations/{ask.collaboration}", "ask in")
    policy = service.store.read(lambda tx: policy_in_force(tx, ask.collaboration, party, "ask in"))
    planned, allowance, offer = planned_ask(policy, party, ask, service.clock.now_s())
    if aim is None:
        return planned, allowance
    return make_plan(allowance, least_loss(allowance, aim, offer)), allowance


def run(service: Service, actor: Actor, request_id: str, ask: Ask) -> bytes:
    """Answer a question; return the receipt that holds the measurement.

    Ensures: the debit and its entry are durable before data is read, the measurement and its
    entry before anything is returned; a request id never debits twice and always gets the same
    bytes; an identical question on identical data is answered from store without a debit.
    Raises RequestIdReused, QuestionRefused, BudgetExhausted, DatasetNotSealed, MeasurementLost,
    NotPermitted, PolicyNotInForce, FieldInvalid.
    """
    party = party_of(actor, f"collaborations/{ask.collaboration}", "ask in")
    check_request_id(request_id)
    try:
        stored = service.store.transact(
            lambda tx: _reserve(service, tx, actor, party, request_id, ask)
        )
    except _DECISIONS as refusal:
        log_refusal(service, actor, ask, _fingerprint(ask), refusal)
        raise
    return answer(service, stored, request_id)


def get(service: Service, actor: Actor, collaboration: str, request_id: str) -> bytes:
    """Return the receipt of one of the caller's requests; raises NotPermitted, MeasurementLost."""
    party = party_of(actor, f"requests/{request_id}", "read")

    def work(tx: Transaction) -> StoredQuestion:
        record = tx.questions.request(party, request_id)
        stored = record and tx.questions.get(record.question)
        if not stored or stored.collaboration != collaboration:
            raise NotPermitted(what=f"requests/{request_id}", action="read")
        return stored

    return answer(service, service.store.read(work), request_id)


def history(
    service: Service, actor: Actor, collaboration: str
) -> tuple[tuple[RequestRecord, StoredQuestion], ...]:
    """Return the caller's requests in a collaboration, oldest first; raises NotPermitted."""
    party = party_of(actor, f"collaborations/{collaboration}", "list requests of")

    def work(tx: Transaction) -> tuple[tuple[RequestRecord, StoredQuestion], ...]:
        policy_in_force(tx, collaboration, party, "list requests of")
        records = tx.questions.requests_of(party, collaboration)
        pairs = ((r, tx.questions.get(r.question)) for r in records)
        return tuple((r, q) for r, q in pairs if q is not None)

    return service.store.read(work)


def resume(service: Service) -> int:
    """Compute every question that a crash left RESERVED; return how many were computed.

    One that cannot be computed stays RESERVED and keeps nobody else waiting: a start that fails
    on it would fail for ever.
    """
    done = 0
    for stored in service.store.read(lambda tx: tx.questions.reserved()):
        try:
            _release(service, stored)
        except Exception:  # noqa: BLE001 - whatever it is, the others are computed
            _LOG.exception("question %s was not resumed and stays reserved", stored.digest)
        else:
            done += 1
    return done


def answer(service: Service, stored: StoredQuestion, request_id: str) -> bytes:
    """Return the receipt of a stored question, computing it first if it is only RESERVED."""
    if stored.state is QuestionState.RESERVED:
        stored = _release(service, stored)
    if stored.state is QuestionState.ERASED:
        # Never computed again: that would be a second answer under one debit.
        raise MeasurementLost(request_id=request_id, why="it was kept as long as the policy says")
    if stored.state is QuestionState.FAILED:
        raise MeasurementLost(request_id=request_id, why="its data was erased before it was read")
    return service.store.read(lambda tx: receipt(tx, service.signers, stored))


def _reserve(
    service: Service, tx: Transaction, actor: Actor, party: str, request_id: str, ask: Ask
) -> StoredQuestion:
    # 1. A known request id: the same question resumes, another one is refused.
    fingerprint = _fingerprint(ask)
    known = tx.questions.request(party, request_id)
    if known is not None:
        if known.fingerprint != fingerprint:
            raise RequestIdReused(request_id=request_id)
        return _stored(tx, known.question)
    # 2. The policy decides; the plan says the cost. Neither reads data. The clock is read once:
    #    `measure` decides again as of `reserved_at_s`, and must come to the same.
    now_s = service.clock.now_s()
    policy = policy_in_force(tx, ask.collaboration, party, "ask in")
    try:
        planned, _, offer = planned_ask(policy, party, ask, now_s)
    except QuestionRefused as refusal:
        also = frequency_refusal(tx, policy, party, ask.question, now_s)
        raise QuestionRefused(reasons=(*refusal.reasons, *also)) from None
    # 3. Pin everything the answer depends on. The same pins were answered before: no debit.
    pinned = _pin(tx, policy, planned.question, offer, now_s)
    if tx.questions.get(pinned.digest) is None:
        # 4. One new question more may be asked; then every ledger concerned pays, or none.
        too_many = frequency_refusal(tx, policy, party, pinned.question, now_s)
        if too_many:
            raise QuestionRefused(reasons=too_many)
        facts = noted(ask, policy)
        _debit(service, tx, actor, pinned, planned, now_s, facts)
    else:
        # Nobody pays twice, but the log tells who else was given the answer.
        service.note(
            tx,
            EntryKind.QUESTION_REPEATED,
            actor,
            pinned.collaboration,
            question_digest=pinned.digest,
        )
    tx.questions.bind(
        RequestRecord(
            party=party,
            request_id=request_id,
            fingerprint=fingerprint,
            question=pinned.digest,
            requested_at_s=now_s,
        )
    )
    return _stored(tx, pinned.digest)


def _debit(
    service: Service,
    tx: Transaction,
    actor: Actor,
    pinned: Pinned,
    planned: Plan,
    now_s: int,
    facts: Mapping[str, Json],
) -> None:
    debits = tuple(Debit(ledger=ledger, nano_rho=cost) for ledger, cost in planned.debits if cost)
    after = [tx.ledgers.debit(debit, pinned.digest) for debit in debits]
    index = service.note(
        tx,
        EntryKind.QUESTION_RESERVED,
        actor,
        pinned.collaboration,
        question_digest=pinned.digest,
        family=str(pinned.question.family),
        policy_digest=pinned.policy_digest,
        versions=[list(v) for v in pinned.versions],
        epoch_s=pinned.epoch_s,
        debits=[
            {"ledger": str(d.ledger), "nano_rho": d.nano_rho, "remaining": b.remaining}
            for d, b in zip(debits, after, strict=True)
        ],
        **facts,
    )
    tx.questions.reserve(
        StoredQuestion(
            digest=pinned.digest,
            collaboration=pinned.collaboration,
            asker=actor.name,
            canonical=pinned.canonical(),
            state=QuestionState.RESERVED,
            debits=debits,
            reserved_entry=index,
            reserved_at_s=now_s,
        )
    )


def _release(service: Service, stored: StoredQuestion) -> StoredQuestion:
    """Compute a RESERVED question and record it; whoever records first has answered it."""
    measurement = measure(service, stored)
    if measurement is None:
        return _record(service, stored, None)
    return _record(service, stored, canonical_json(measurement.to_json()))


def _record(service: Service, stored: StoredQuestion, measurement: bytes | None) -> StoredQuestion:
    """Write the measurement (or that its data is gone) with its entry, in one transaction.

    A crash before it leaves the question RESERVED and nothing seen; after it, RELEASED.
    """

    def work(tx: Transaction) -> StoredQuestion:
        now = _stored(tx, stored.digest)
        if now.state is not QuestionState.RESERVED:
            return now
        if measurement is None or _is_erased(tx, stored):
            tx.questions.fail(stored.digest, _failed_entry(service, tx, stored))
        else:
            index = _released_entry(service, tx, stored, measurement)
            tx.questions.release(stored.digest, measurement, index)
        return _stored(tx, stored.digest)

    return service.store.transact(work)


def _is_erased(tx: Transaction, stored: StoredQuestion) -> bool:
    """Tell whether a version was erased while it was computed on: then nothing is released."""
    pinned = Pinned.parse(stored.canonical)
    versions = (tx.versions.get(version) for _, version in pinned.versions)
    return any(v is None or v.erased_at_s is not None for v in versions)


def _released_entry(
    service: Service, tx: Transaction, stored: StoredQuestion, measurement: bytes
) -> int:
    return tx.log.append(
        service.committed(
            EntryKind.QUESTION_RELEASED,
            _asker(stored),
            stored.collaboration,
            measurement,
            question_digest=stored.digest,
            reserved_entry=stored.reserved_entry,
            mechanism=MECHANISM,
        )
    )


def _failed_entry(service: Service, tx: Transaction, stored: StoredQuestion) -> int:
    entry = service.entry(
        EntryKind.QUESTION_FAILED,
        _asker(stored),
        stored.collaboration,
        question_digest=stored.digest,
        reserved_entry=stored.reserved_entry,
        why="a version was erased",
    )
    return tx.log.append(entry)


def _asker(stored: StoredQuestion) -> str:
    return f"{ActorKind.PARTY}/{stored.asker}"


def _pin(tx: Transaction, policy: Policy, question: Question, offer: int, now_s: int) -> Pinned:
    versions: list[tuple[str, str]] = []
    for dataset in question.datasets:
        name = DatasetName(collaboration=policy.collaboration, dataset=dataset)
        version = current_version(tx, name)
        if version is None or not fits(tx, version.policy_digest, policy, dataset):
            raise DatasetNotSealed(dataset=dataset)
        versions.append((dataset, version.id))
    return Pinned(
        collaboration=policy.collaboration,
        question=question,
        nano_rho=offer,
        policy_digest=policy.digest,
        versions=tuple(versions),
        epoch_s=policy.consent.epoch(now_s).start_s,
    )


def _stored(tx: Transaction, digest: str) -> StoredQuestion:
    stored = tx.questions.get(digest)
    if stored is None:
        raise AssertionError("a bound request has no question")
    return stored


def _fingerprint(ask: Ask) -> str:
    """Return what a request id is bound to: the question as asked, without versions and time."""
    body = {
        "!v": "cleanroom-request/v1",
        "collaboration": ask.collaboration,
        "question": question_to_json(ask.question),
        "rho": _text(ask.rho),
        "epsilon": _text(ask.epsilon),
    }
    return hashlib.sha256(canonical_json(body)).hexdigest()


def _text(loss: Fraction | None) -> str | None:
    return None if loss is None else str(loss)
