"""Computing a released question again to tell whether its noise is what it states; one bit of it.

The exact statistics are computed again inside the service, from the sealed versions and under the
policy, purposes and epoch that the question pinned. What leaves is a verdict: a p-value would be a
function of an exact value whose noisy one is known, so it would tell the value itself.
Must not know who prints the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cleanroom.analysis.recheck import pooled_trials, states_the_plan, trials_of
from cleanroom.analysis.two_stage import pooled_request
from cleanroom.audit.commitment import commit
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.receipt import COMMITMENT_FIELD
from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, ActorKind
from cleanroom.ports.records import QuestionState, StoredQuestion
from cleanroom.ports.store import Transaction
from cleanroom.privacy.mechanism import NAME as MECHANISM
from cleanroom.privacy.plausibility import Trial, oddities
from cleanroom.usecases.compute import Prepared, prepared, second_stage
from cleanroom.usecases.service import Service

_MAY = frozenset({ActorKind.AUDITOR, ActorKind.OPERATOR})


class Verdict(StrEnum):
    """What a recomputation tells."""

    PLAUSIBLE = "plausible"
    IMPLAUSIBLE = "implausible"
    IMPOSSIBLE = "not possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """A verdict and why: empty where it is plausible."""

    verdict: Verdict
    why: tuple[str, ...] = ()


def recompute(service: Service, actor: Actor, index: int) -> Recomputed:
    """Tell whether the measurement released by entry `index` is the data plus its stated noise.

    Ensures: the act and its verdict are in the log when this returns; no ledger is debited,
    because an honest release gets the answer "plausible" but with probability 1e-12.
    Raises NotPermitted to all but auditors and the operator, FieldInvalid for another entry.
    """
    if actor.kind not in _MAY:
        raise NotPermitted(what=f"entries/{index}", action="recompute")
    entry, stored = service.store.read(lambda tx: _released(tx, index))
    told = _judged(service, entry, stored)
    # A crash before this line told nobody anything.
    service.store.transact(
        lambda tx: service.note(
            tx,
            EntryKind.ADMINISTRATIVE,
            actor,
            stored.collaboration,
            act="recomputed",
            recomputed_entry=index,
            question_digest=stored.digest,
            verdict=told.verdict,
            why="; ".join(told.why),
        )
    )
    return told


def _released(tx: Transaction, index: int) -> tuple[Entry, StoredQuestion]:
    data = tx.log.entry(index)
    entry = None if data is None else decode_entry(data)
    if entry is None or entry.kind is not EntryKind.QUESTION_RELEASED:
        raise FieldInvalid(field="entry", expected="the index of a question_released entry")
    stored = tx.questions.get(str(entry.fields.get("question_digest")))
    if stored is None or stored.state not in {QuestionState.RELEASED, QuestionState.ERASED}:
        raise FieldInvalid(field="entry", expected="an entry whose question is still stored")
    return entry, stored


def _judged(service: Service, entry: Entry, stored: StoredQuestion) -> Recomputed:
    # 1. The measurement is there, and it is the one that the entry commits to.
    if stored.measurement is None:
        return _impossible("the measurement was erased")
    if entry.fields.get(COMMITMENT_FIELD) != commit(entry.salt, stored.measurement).hex():
        return _implausible("the stored measurement is not the one that the entry commits to")
    # 2. Its data is there.
    ready = prepared(service, stored)
    if ready is None:
        return _impossible("a version was erased")
    # 3. Its noise is of the sort that is judged here.
    # 4. It states the noise that was paid for, and its values are the data plus such noise.
    try:
        return _compared(service, ready, json.loads(stored.measurement))
    except (KeyError, TypeError, ValueError):
        return _implausible("the stored measurement has not the form of its question")


def _compared(service: Service, ready: Prepared, measurement: Mapping[str, Any]) -> Recomputed:
    if measurement["mechanism"] != MECHANISM:
        return _impossible("its noise is of a mechanism that is not judged here")
    planned, request, trials = ready.planned, ready.request, list[Trial]()
    pooled: Mapping[str, int | None] = dict(measurement["pooled"])
    if planned.pooled:
        first = service.engine.exact(pooled_request(ready.request), ready.load)
        trials += pooled_trials(planned, first, pooled)
        known = {name: value for name, value in pooled.items() if value is not None}
        if len(known) != len(pooled):  # then nothing else is shown
            return _verdict(trials)
        planned, request = second_stage(ready, known)
    if not states_the_plan(planned, measurement):
        return _implausible("it states another noise than this service makes of policy and loss")
    trials += trials_of(planned, service.engine.exact(request, ready.load), measurement)
    return _verdict(trials)


def _verdict(trials: list[Trial]) -> Recomputed:
    if all(trial.released is None for trial in trials):
        return _impossible("every value was withheld")
    found = oddities(trials)
    if found:
        return _implausible(*found)
    return Recomputed(verdict=Verdict.PLAUSIBLE)


def _implausible(*why: str) -> Recomputed:
    return Recomputed(verdict=Verdict.IMPLAUSIBLE, why=tuple(str(w) for w in why))


def _impossible(why: str) -> Recomputed:
    return Recomputed(verdict=Verdict.IMPOSSIBLE, why=(why,))
