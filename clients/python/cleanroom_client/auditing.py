"""Reading the log: every checkpoint is verified against the profile's key before it is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.choice import Choice, answers
from cleanroom.audit.entry import Entry, EntryKind, decode_entry
from cleanroom.audit.errors import AuditError
from cleanroom.audit.log import LogSummary, verify_log
from cleanroom.audit.payload import Erasable, Payload, opened
from cleanroom.audit.rows import Found
from cleanroom.audit.tree import leaf_hash, verify_inclusion
from cleanroom.v1 import audit_pb2 as pb
from cleanroom_client.errors import ReceiptRefused
from cleanroom_client.session import Session

_PAGE = 500


def checkpoint(session: Session) -> Checkpoint:
    """Return the log's newest checkpoint; raises ReceiptRefused if the log's key did not sign."""
    return _signed(session)[1]


def _signed(session: Session) -> tuple[str, Checkpoint]:
    answer = session.transport.call(session.audit.GetCheckpoint, pb.GetCheckpointRequest())
    try:
        return answer.checkpoint, open_checkpoint(answer.checkpoint, session.profile.log_key)
    except AuditError as error:
        raise ReceiptRefused(f"the service's checkpoint is refused: {error}") from error


def entries(session: Session, start: int, count: int | None) -> Iterator[bytes]:
    """Yield the bytes of entries from `start`, at most `count`; auditors and officers only.

    Does not verify them: see `verified`.
    """
    for page in _pages(session, start, count):
        yield from page.entries


def _pages(session: Session, start: int, count: int | None) -> Iterator[pb.ListEntriesResponse]:
    until = None if count is None else start + count
    while until is None or start < until:
        answer = _page(session, start, _PAGE if until is None else min(_PAGE, until - start))
        yield answer
        start += len(answer.entries)
        if not answer.entries or start >= answer.size:
            return


def verified(session: Session) -> tuple[list[bytes], LogSummary]:
    """Return the whole log as of the newest checkpoint, once it makes that checkpoint's tree.

    Raises ReceiptRefused naming what does not fit.
    """
    found, summary, _ = _verified(session)
    return found, summary


def _verified(
    session: Session,
) -> tuple[list[bytes], LogSummary, Mapping[int, Sequence[Payload]]]:
    newest = checkpoint(session)
    found: list[bytes] = []
    kept: dict[int, list[Payload]] = {}
    for page in _pages(session, 0, newest.size):
        found += page.entries
        kept |= _kept(page)
    try:
        return found, verify_log(found, newest), kept
    except AuditError as error:
        raise ReceiptRefused(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """A verdict, `plausible`, `implausible` or `not possible`, and why it is not plausible."""

    verdict: str
    why: tuple[str, ...]


_VERDICTS: Final = {
    pb.VERDICT_PLAUSIBLE: "plausible",
    pb.VERDICT_IMPLAUSIBLE: "implausible",
    pb.VERDICT_NOT_POSSIBLE: "not possible",
}


def _page(session: Session, start: int, count: int) -> pb.ListEntriesResponse:
    request = pb.ListEntriesRequest(start=start, count=count)
    return session.transport.call(session.audit.ListEntries, request)


class Log:
    """The log as an auditor or officer reads it by a choice; nothing is shown unproven."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        """Read over this session."""
        self._session = session

    def checkpoint_note(self) -> str:
        """Return the newest checkpoint as the log signed it, verified, to be kept."""
        return _signed(self._session)[0]

    def newest(self, choice: Choice, count: int) -> list[Found]:
        """Return the newest `count` chosen entries, oldest first, as the service lists them.

        Each is proven to stand at its place in the newest signed tree. That none was left out is
        not: for that see `whole`. Raises ReceiptRefused.
        """
        now = checkpoint(self._session)
        found: list[Found] = []
        before = now.size
        while before > 0 and len(found) < count:
            answer = self._page(choice, before, count - len(found))
            pairs = zip(answer.indices, answer.entries, strict=True)
            kept = _kept(answer)
            found += [self._proven(now, at, data, kept.get(at, [])) for at, data in pairs]
            if answer.next >= before:
                raise ReceiptRefused("the service does not come to the end of its list")
            before = answer.next
        return found[::-1]

    def whole(self, choice: Choice) -> tuple[list[Found], LogSummary]:
        """Return all chosen entries, oldest first, of a log that makes the signed tree."""
        found, summary, kept = _verified(self._session)
        return list(_chosen(found, kept, choice)), summary

    def entry(self, index: int) -> tuple[Found, bytes]:
        """Return an entry, proven to be in the newest signed tree, and its bytes.

        Raises ReceiptRefused for an index outside the log, and for an entry that is not there.
        """
        now = checkpoint(self._session)
        if index >= now.size:
            raise ReceiptRefused(f"the log has no entry {index}: it has {now.size}")
        answer = _page(self._session, index, 1)
        if len(answer.entries) != 1:
            raise ReceiptRefused(f"the service did not give entry {index}")
        kept = _kept(answer).get(index, [])
        return self._proven(now, index, answer.entries[0], kept), answer.entries[0]

    def erase_payloads(self, index: int) -> int:
        """Erase what an entry only commits to; return how many texts. Officers only.

        The entry, its place in the tree and every proof stay; the erasure is logged.
        """
        request = pb.ErasePayloadsRequest(index=index)
        return self._session.transport.call(self._session.audit.ErasePayloads, request).erased

    def recompute(self, index: int) -> Recomputed:
        """Return whether a released entry's values are the data plus the stated noise.

        The service judges, inside; as an auditor only.
        """
        request = pb.RecomputeEntryRequest(index=index)
        answer = self._session.transport.call(self._session.audit.RecomputeEntry, request)
        return Recomputed(verdict=_VERDICTS.get(answer.verdict, "unknown"), why=tuple(answer.why))

    def _page(self, choice: Choice, before: int, count: int) -> pb.ListEntriesResponse:
        request = pb.ListEntriesRequest(
            filter=_filter(choice), newest_first=True, before=before, count=min(_PAGE, count)
        )
        return self._session.transport.call(self._session.audit.ListEntries, request)

    def _proven(self, now: Checkpoint, index: int, data: bytes, kept: Sequence[Payload]) -> Found:
        request = pb.GetInclusionProofRequest(index=index, size=now.size)
        call = self._session.audit.GetInclusionProof
        proof = self._session.transport.call(call, request).hashes
        leaf = leaf_hash(data)
        try:
            verify_inclusion(leaf_hash=leaf, index=index, size=now.size, proof=proof, root=now.root)
            return Found(index=index, entry=opened(decode_entry(data), kept), kept=tuple(kept))
        except AuditError as error:
            raise ReceiptRefused(f"entry {index} is refused: {error}") from error


def _kept(answer: pb.ListEntriesResponse) -> Mapping[int, list[Payload]]:
    """Return what is kept beside the entries of a page; raises ReceiptRefused."""
    found: defaultdict[int, list[Payload]] = defaultdict(list)
    for one in answer.payloads:
        try:
            kept = Erasable(name=one.name, salt=one.salt, content=one.content)
            found[one.index].append(Payload(entry=one.index, kept=kept))
        except AuditError as error:
            raise ReceiptRefused(f"entry {one.index} is refused: {error}") from error
    return found


def _chosen(
    found: Sequence[bytes], kept: Mapping[int, Sequence[Payload]], choice: Choice
) -> Iterator[Found]:
    questions: dict[str, Entry] = {}
    for index, data in enumerate(found):
        beside = kept.get(index, ())
        entry = _opened(index, data, beside)
        if entry.kind is EntryKind.QUESTION_RESERVED:
            questions[str(entry.fields.get("question_digest"))] = entry
        reserved = questions.get(answers(entry) or "")
        if choice.takes(entry, reserved):
            yield Found(index=index, entry=entry, reserved=reserved, kept=tuple(beside))


def _opened(index: int, data: bytes, kept: Sequence[Payload]) -> Entry:
    try:
        return opened(decode_entry(data), kept)
    except AuditError as error:
        raise ReceiptRefused(f"entry {index} is refused: {error}") from error


def _filter(choice: Choice) -> pb.EntryFilter:
    return pb.EntryFilter(
        party=choice.party or "",
        dataset=choice.dataset or "",
        collaboration=choice.collaboration or "",
        kind=choice.kind or "",
        decision=choice.decision or "",
        reason=choice.reason or "",
        since_s=choice.since_s or 0,
        until_s=choice.until_s or 0,
    )
