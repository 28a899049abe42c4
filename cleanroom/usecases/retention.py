"""What has been kept long enough: found by policy and clock, then erased, one act at a time.

Each act is a transaction of its own that looks again, so that runs may repeat, be cut off, and go
on beside the service or another run: what was done is not due any more.
Must not know who runs it or when.

| act | due |
|---|---|
| erase a version | `retention.datasets_days` after it, or what it was compacted from, was sealed |
| compact a version | before `retention.withdrawn_days` are over for the first person who withdrew |
| erase a measurement | `retention.measurements_days` after its question was accepted |
| drop an upload | so many days after it began, of the operator's choice, while it is not sealed |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from cleanroom.audit.entry import EntryKind
from cleanroom.policy.document import Retention
from cleanroom.ports.records import QuestionState, Upload, UploadState, Version
from cleanroom.ports.store import Transaction
from cleanroom.usecases import relay
from cleanroom.usecases.compact import ACTOR, compact, erase_version, removable
from cleanroom.usecases.service import Service, current_version, read_policy

DAY_S: Final = 86_400
_UNFINISHED = frozenset({UploadState.OPEN, UploadState.COMPLETE})


class Act(StrEnum):
    """What is done with something that was kept long enough."""

    ERASE_VERSION = "erase version"
    COMPACT_VERSION = "compact version"
    ERASE_MEASUREMENT = "erase measurement"
    DROP_UPLOAD = "drop upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something to be done: an act, on what (an id or digest), of which dataset, why, since when.

    `dataset` is empty for a measurement, which may be of several.
    """

    act: Act
    what: str
    collaboration: str
    dataset: str
    why: str
    since_s: int


def due(service: Service, *, unfinished_days: int, early: bool = False) -> tuple[Due, ...]:
    """Return what is to be done now, in the order of doing; changes nothing.

    With `early`, everybody who withdrew and whom no question may use any more is removed, however
    much time the policy leaves.
    """
    now_s = service.clock.now_s()

    def look(tx: Transaction) -> tuple[Due, ...]:
        kept = {name: _rules(tx, name) for name in tx.collaborations.names()}
        return (
            *_versions(tx, kept, now_s, early=early),
            *_measurements(tx, kept, now_s),
            *_uploads(tx, now_s, unfinished_days),
        )

    return service.store.read(look)


def carry_out(service: Service, one: Due) -> bool:
    """Do one act; return False for one that was done meanwhile, or has to wait for a question."""
    match one.act:
        case Act.ERASE_VERSION:
            # A question that is computed right now is answered first; the next run comes soon.
            return erase_version(service, one.what, one.why, waits=True)
        case Act.COMPACT_VERSION:
            return compact(service, one.what) is not None
        case Act.ERASE_MEASUREMENT:
            return _erase_measurement(service, one)
        case Act.DROP_UPLOAD:
            return _drop_upload(service, one)
        case _:
            assert_never(one.act)


def _rules(tx: Transaction, collaboration: str) -> Retention | None:
    proposal = tx.collaborations.in_force(collaboration)
    return None if proposal is None else read_policy(proposal).retention


def _rules_of(
    tx: Transaction, kept: dict[str, Retention | None], collaboration: str, digest: str
) -> Retention | None:
    """Return the rules in force; while none are, those under which it was made."""
    rules = kept.get(collaboration)
    if rules is not None:
        return rules
    proposal = tx.collaborations.proposal(collaboration, digest)
    return None if proposal is None else read_policy(proposal).retention


def _versions(
    tx: Transaction, kept: dict[str, Retention | None], now_s: int, *, early: bool
) -> Iterator[Due]:
    for version in tx.versions.all():
        rules = _rules_of(tx, kept, version.dataset.collaboration, version.policy_digest)
        if version.erased_at_s is not None or rules is None:
            continue
        since_s = version.sealed_at_s + rules.datasets_days * DAY_S
        if since_s <= now_s:
            why = f"it was kept for {rules.datasets_days} days"
            yield _of_version(Act.ERASE_VERSION, version, why, since_s)
        else:
            yield from _withdrawn(tx, version, rules, now_s, early=early)


def _withdrawn(
    tx: Transaction, version: Version, rules: Retention, now_s: int, *, early: bool
) -> Iterator[Due]:
    people = removable(tx, version, now_s)
    if not people:
        return
    withdrew = tx.withdrawals.people(version.id)
    first_s = min(withdrew[person] for person in people)
    # A day before the time is over, so that a run that fails has others after it.
    since_s = first_s + (rules.withdrawn_days - 1) * DAY_S
    if now_s < since_s and not early:
        return
    why = "people withdrew"
    current = current_version(tx, version.dataset)
    if current is not None and current.id == version.id:
        yield _of_version(Act.COMPACT_VERSION, version, why, since_s)
    else:  # no question can be asked of it any more: nobody needs what would be left
        yield _of_version(
            Act.ERASE_VERSION, version, f"{why} and a later one took its place", since_s
        )


def _of_version(act: Act, version: Version, why: str, since_s: int) -> Due:
    return Due(
        act=act,
        what=version.id,
        collaboration=version.dataset.collaboration,
        dataset=version.dataset.dataset,
        why=why,
        since_s=since_s,
    )


def _measurements(tx: Transaction, kept: dict[str, Retention | None], now_s: int) -> Iterator[Due]:
    for question in tx.questions.all():
        rules = kept.get(question.collaboration)
        if question.state is not QuestionState.RELEASED or rules is None:
            continue
        since_s = question.reserved_at_s + rules.measurements_days * DAY_S
        if since_s <= now_s:
            yield Due(
                act=Act.ERASE_MEASUREMENT,
                what=question.digest,
                collaboration=question.collaboration,
                dataset="",
                why=f"it was kept for {rules.measurements_days} days",
                since_s=since_s,
            )


def _uploads(tx: Transaction, now_s: int, unfinished_days: int) -> Iterator[Due]:
    for upload in tx.uploads.unfinished():
        since_s = upload.created_at_s + unfinished_days * DAY_S
        if since_s <= now_s:
            yield Due(
                act=Act.DROP_UPLOAD,
                what=upload.id,
                collaboration=upload.dataset.collaboration,
                dataset=upload.dataset.dataset,
                why=f"it was not sealed within {unfinished_days} days",
                since_s=since_s,
            )


def _erase_measurement(service: Service, one: Due) -> bool:
    """Erase a measurement's bytes; its entry's commitment stays, and the tree verifies."""

    def work(tx: Transaction) -> bool:
        question = tx.questions.get(one.what)
        if question is None or question.state is not QuestionState.RELEASED:
            return False
        tx.questions.erase(one.what)
        _note(service, tx, one, question_digest=one.what)
        return True

    return service.store.transact(work)


def _drop_upload(service: Service, one: Due) -> bool:
    def work(tx: Transaction) -> bool:
        upload = tx.uploads.get(one.what)
        if upload is None or upload.state not in _UNFINISHED:
            return False
        _abandon(tx, upload)
        _note(service, tx, one, dataset=one.dataset, upload=one.what)
        return True

    done = service.store.transact(work)
    if done:
        # A crash before this line leaves rows of an abandoned upload; `recover` erases them.
        service.vault.erase_upload(one.what)
    return done


def _abandon(tx: Transaction, upload: Upload) -> None:
    tx.uploads.replace(replace(upload, state=UploadState.ABANDONED))
    relay.drop(tx, upload.id)


def _note(service: Service, tx: Transaction, one: Due, **fields: str) -> None:
    act = one.act.value.replace(" ", "_")
    kind = EntryKind.ADMINISTRATIVE
    tx.log.append(service.entry(kind, ACTOR, one.collaboration, act=act, why=one.why, **fields))
