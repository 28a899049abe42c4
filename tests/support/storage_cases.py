"""Records, tables and a whole small history for the tests of the store, the vault and fsck."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pyarrow as pa

from cleanroom.audit.commitment import commit
from cleanroom.audit.entry import Entry, EntryKind, encode_entry
from cleanroom.model.dataset import KeyType
from cleanroom.model.names import DatasetName, LedgerName
from cleanroom.ports.records import (
    Acceptance,
    Debit,
    Proposal,
    QuestionState,
    RelayTask,
    RequestRecord,
    StoredQuestion,
    TaskState,
    Upload,
    UploadState,
    Version,
)
from cleanroom.ports.store import Store, Transaction
from cleanroom.ports.tables import SealedTables
from cleanroom.ports.vault import Vault

SALES = DatasetName(collaboration="alpha", dataset="sales")
LEDGER = LedgerName(owner="retailer", pool="shoppers")
OTHER = LedgerName(owner="brand", pool="alpha")
MASTER_KEY = bytes(range(32))


class FixedEntropy:
    """Distinct, repeatable bytes: SHA-256 of a counter."""

    def __init__(self, seed: str = "") -> None:
        self._seed, self._count, self._lock = seed, 0, threading.Lock()

    def token_bytes(self, n: int) -> bytes:
        with self._lock:
            self._count += 1
            return hashlib.shake_256(f"{self._seed}/{self._count}".encode()).digest(n)

    def points(self, n: int) -> list[bytes]:
        return [self.token_bytes(32) for _ in range(n)]


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry(kind: EntryKind = EntryKind.ADMINISTRATIVE, **fields: str) -> Entry:
    salt = hashlib.sha256(repr(fields).encode()).digest()[:16]
    return Entry(
        kind=kind,
        time_s=1_700_000_000,
        actor="operator/room",
        collaboration="alpha",
        fields=fields,
        salt=salt,
    )


def entry_bytes(number: int) -> bytes:
    return encode_entry(entry(number=str(number)))


def proposal(text: str = "first", **changes: Any) -> Proposal:
    document = text.encode()
    values: dict[str, Any] = {
        "collaboration": "alpha",
        "digest": digest_of(text),
        "document": document,
        "proposed_by": "brand",
        "proposed_at_s": 1_700_000_000,
    }
    return Proposal(**(values | changes))


def acceptance(party: str, announcement: bytes = b"key", at_s: int = 5) -> Acceptance:
    return Acceptance(
        collaboration="alpha",
        digest=digest_of("first"),
        party=party,
        accepted_at_s=at_s,
        announcement=announcement,
    )


def upload(name: str = "u-1", **changes: Any) -> Upload:
    values: dict[str, Any] = {
        "id": name,
        "dataset": SALES,
        "owner": "retailer",
        "policy_digest": digest_of("first"),
        "request_id": f"request-{name}",
        "state": UploadState.OPEN,
        "chunks": 0,
        "rows": 0,
        "created_at_s": 1_700_000_001,
    }
    return Upload(**(values | changes))


def task(name: str = "t-1", **changes: Any) -> RelayTask:
    values: dict[str, Any] = {
        "id": name,
        "upload": "u-1",
        "collaboration": "alpha",
        "key_type": KeyType.EMAIL,
        "party": "brand",
        "position": 0,
        "state": TaskState.READY,
        "size": 10,
        "returned": 0,
    }
    return RelayTask(**(values | changes))


def version(name: str = "v-1", file_digest: str = "00", **changes: Any) -> Version:
    values: dict[str, Any] = {
        "id": name,
        "dataset": SALES,
        "owner": "retailer",
        "upload": "u-1",
        "policy_digest": digest_of("first"),
        "file_digest": file_digest,
        "content_digest": digest_of("content"),
        "persons": 3,
        "events": 4,
        "sealed_at_s": 1_700_000_002,
    }
    return Version(**(values | changes))


def question(name: str, *debits: Debit, reserved_entry: int = 0) -> StoredQuestion:
    return StoredQuestion(
        digest=digest_of(name),
        collaboration="alpha",
        asker="brand",
        canonical=name.encode(),
        state=QuestionState.RESERVED,
        debits=debits,
        reserved_entry=reserved_entry,
        reserved_at_s=1_700_000_003,
    )


def request(name: str, asked: str, party: str = "brand") -> RequestRecord:
    return RequestRecord(
        party=party,
        request_id=f"request-{name}",
        fingerprint=digest_of(f"fingerprint of {asked}"),
        question=digest_of(asked),
        requested_at_s=1_700_000_003,
    )


def tables(canary: bytes = b"0123456789abcdef") -> SealedTables:
    """Three people, one with the canary as a token; four events; one reference."""
    token = pa.binary(16)
    persons = pa.table(
        {
            "person": pa.array([0, 1, 2], pa.int64()),
            "tok_email": pa.array([canary, bytes(16), None], token),
            "dim_city": pa.array([0, 1, 1], pa.int16()),
            "arm": pa.array([0, 1, -1], pa.int8()),
        }
    )
    events = pa.table({"person": [0, 0, 1, 2], "measure_amount": [1250, 300, -5, 0]})
    references = pa.table(
        {"ref": pa.array([canary[::-1]], token), "person": pa.array([0], pa.int64())}
    )
    return SealedTables(persons=persons, events=events, references=references)


def reserve(store: Store, name: str, cost: int = 10) -> StoredQuestion:
    """Debit both ledgers and log it, as the first transaction of a question does."""
    debits = (Debit(ledger=OTHER, nano_rho=cost), Debit(ledger=LEDGER, nano_rho=2 * cost))

    def work(tx: Transaction) -> StoredQuestion:
        for debit in debits:
            tx.ledgers.debit(debit, digest_of(name))
        kind = EntryKind.QUESTION_RESERVED
        index = tx.log.append(encode_entry(entry(kind, question_digest=digest_of(name))))
        asked = question(name, *debits, reserved_entry=index)
        tx.questions.reserve(asked)
        tx.questions.bind(request(name, name))
        return asked

    return store.transact(work)


def release(store: Store, name: str, measurement: bytes = b'{"cells":[]}') -> None:
    """Store the measurement with its entry, as the second transaction does."""
    blank = entry(EntryKind.QUESTION_RELEASED, question_digest=digest_of(name))
    said = {
        "question_digest": digest_of(name),
        "measurement_commitment": commit(blank.salt, measurement).hex(),
    }
    encoded = encode_entry(
        Entry(
            kind=blank.kind,
            time_s=blank.time_s,
            actor=blank.actor,
            collaboration=blank.collaboration,
            fields=said,
            salt=blank.salt,
        )
    )
    store.transact(
        lambda tx: tx.questions.release(digest_of(name), measurement, tx.log.append(encoded))
    )


def fail(store: Store, name: str) -> None:
    encoded = encode_entry(entry(EntryKind.QUESTION_FAILED, question_digest=digest_of(name)))
    store.transact(lambda tx: tx.questions.fail(digest_of(name), tx.log.append(encoded)))


def open_ledgers(store: Store, budget: int = 1000) -> None:
    def work(tx: Transaction) -> None:
        tx.ledgers.open(LEDGER, budget)
        tx.ledgers.open(OTHER, budget)

    store.transact(work)


def seal(store: Store, vault: Vault, name: str) -> None:
    file_digest = vault.put_version(name, tables())
    store.transact(lambda tx: tx.versions.add(version(name, file_digest)))


def erase(store: Store, vault: Vault, name: str) -> None:
    store.transact(lambda tx: tx.versions.erase(name, 1_700_000_009))
    vault.erase_version(name)


def history(store: Store, vault: Vault) -> None:
    """Everything once: 7 log entries; v-1 kept, v-2 erased; a question of each state but one."""
    open_ledgers(store)
    store.transact(lambda tx: tx.uploads.add(upload("u-1")))
    vault.put_blob("u-1", "rows-000000", b"rows")
    seal(store, vault, "v-1")
    seal(store, vault, "v-2")
    erase(store, vault, "v-2")
    store.transact(lambda tx: tx.log.append(entry_bytes(0)))
    for name in ("one", "two", "three"):
        reserve(store, name)
    release(store, "one")
    release(store, "two", b'{"cells":[1]}')
    fail(store, "three")
