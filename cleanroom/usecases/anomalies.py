"""Gathering what anomalies are looked for in: questions, released answers, declared domains.

Must not know what is odd. A question's text is not in the log, only its digest: each is taken from
the store and used only where the digest in the entry is its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from cleanroom.analysis.anomalies import Anomaly, Put, question_anomalies
from cleanroom.analysis.list_anomalies import Answer, list_anomalies
from cleanroom.model.errors import FieldInvalid
from cleanroom.ports.records import QuestionState, StoredQuestion
from cleanroom.ports.store import Store, Transaction
from cleanroom.usecases.pinned import Pinned
from cleanroom.usecases.service import read_policy


def anomalies(store: Store, size: int | None = None) -> tuple[Anomaly, ...]:
    """Return what an auditor should look at in the first `size` entries; all of them for None."""

    def work(tx: Transaction) -> tuple[Anomaly, ...]:
        within = tx.log.size() if size is None else size
        stored = [q for q in tx.questions.all() if q.reserved_entry < within]
        pinned = [(q, p) for q in stored if (p := _pinned(q)) is not None]
        puts = [_put(tx, q, p) for q, p in pinned]
        domains = dict(
            _domains(tx, sorted({(p.collaboration, p.policy_digest) for _, p in pinned}))
        )
        answers = [a for q in stored if (a := _answer(tx, q, within)) is not None]
        return (*question_anomalies(puts, domains), *list_anomalies(answers))

    return store.read(work)


def _pinned(stored: StoredQuestion) -> Pinned | None:
    """Return the question as pinned, or None if it is not the one of its digest, or unreadable."""
    try:
        pinned = Pinned.parse(stored.canonical)
    except (FieldInvalid, KeyError, TypeError, ValueError):
        return None
    return pinned if pinned.digest == stored.digest else None


def _put(tx: Transaction, stored: StoredQuestion, pinned: Pinned) -> Put:
    return Put(
        entry=stored.reserved_entry,
        collaboration=stored.collaboration,
        asker=stored.asker,
        question=pinned.question,
        nano_rho=pinned.nano_rho,
        versions=tuple((dataset, _uploaded(tx, v)) for dataset, v in pinned.versions),
        epoch_s=pinned.epoch_s,
        at_s=stored.reserved_at_s,
    )


def _uploaded(tx: Transaction, version: str) -> str:
    """Return the version that was uploaded: one compacted from it shows the same people."""
    found = tx.versions.get(version)
    while found is not None and found.predecessor is not None:
        version, found = found.predecessor, tx.versions.get(found.predecessor)
    return version


def _domains(
    tx: Transaction, policies: list[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    for collaboration, digest in policies:
        proposal = tx.collaborations.proposal(collaboration, digest)
        for rules in read_policy(proposal).datasets if proposal else ():
            for domain in rules.schema.filters:
                yield (collaboration, domain.name), domain.values


def _answer(tx: Transaction, stored: StoredQuestion, within: int) -> Answer | None:
    entry, text = stored.released_entry, stored.measurement
    if stored.state is not QuestionState.RELEASED or entry is None or text is None:
        return None
    if entry >= within:
        return None
    measurement = json.loads(text)
    owners = {
        dataset: found.owner
        for dataset, version in measurement["versions"]
        if (found := tx.versions.get(version)) is not None
    }
    return Answer(
        entry=entry, collaboration=stored.collaboration, measurement=measurement, owners=owners
    )
