"""A whole service in one process, on real storage, for the stories: no gRPC, no waiting.

`Room` speaks for every party. Keys become points here without the SDK: a stand-in for hashing to
the curve that gives equal points for equal texts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom.audit.note import Ed25519Signer, verifier_of
from cleanroom.audit.receipt import VerifiedReceipt, verify_receipt
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.engine.layout import token_column
from cleanroom.engine.sealer import ArrowSealer
from cleanroom.model.names import Actor, ActorKind, DatasetName
from cleanroom.model.question import Ask
from cleanroom.policy.document import Policy, Scheme
from cleanroom.policy.parse import parse_policy
from cleanroom.ports.records import Upload, Version
from cleanroom.storage.checkpoints import CheckpointFiles
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from cleanroom.usecases import analyse, collaborate, ingest, intake, relay
from cleanroom.usecases.seal import seal
from cleanroom.usecases.service import Service
from cleanroom.wiring.environment import SystemCurve
from support import signing
from support.memory_store import MemoryStore
from support.memory_vault import MemoryVault
from support.panels import Record, token, wire_rows

DAY = 86_400
NOON = 1_780_315_200  # 2026-06-01 12:00 UTC
DOMAIN = "room.test"


@dataclass
class TestClock:
    """Stands still until it is told."""

    __test__ = False
    now: int = NOON

    def now_s(self) -> int:
        return self.now


class SystemEntropy:
    """The machine's randomness."""

    def token_bytes(self, n: int) -> bytes:
        return secrets.token_bytes(n)

    def points(self, n: int) -> list[bytes]:
        return [X25519PrivateKey.generate().public_key().public_bytes_raw() for _ in range(n)]


def make_service(root: Path, clock: TestClock | None = None) -> Service:
    """Return a service whose data is in `root`; the same folder again is a restart."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    return Service(
        store=SqlStore(root / "cleanroom.sqlite"),
        vault=FileVault(root / "vault", bytes(32), SystemEntropy()),
        engine=DuckDbEngine(),
        sealer=ArrowSealer(),
        clock=clock or TestClock(),
        entropy=SystemEntropy(),
        curve=SystemCurve(),
        signer=Ed25519Signer(name="room.test/log", key=key),
        remembered=CheckpointFiles(root, lambda: secrets.token_hex(8)),
    )


def party(name: str) -> Actor:
    return Actor(trust_domain=DOMAIN, kind=ActorKind.PARTY, name=name)


OFFICER = Actor(trust_domain=DOMAIN, kind=ActorKind.OFFICER, name="officer")
AUDITOR = Actor(trust_domain=DOMAIN, kind=ActorKind.AUDITOR, name="auditor")


def ipc(table: pa.Table) -> bytes:
    """Return a chunk's bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def hashed_point(text: str) -> bytes:
    """Return a point of the curve that stands for a key."""
    scalar = X25519PrivateKey.from_private_bytes(token(text))
    return scalar.public_key().public_bytes_raw()


def times(secret: X25519PrivateKey, point: bytes) -> bytes:
    return secret.exchange(X25519PublicKey.from_public_bytes(point))


@dataclass
class Room:
    """One collaboration on one service, with every party's secret at hand."""

    service: Service
    policy: Policy
    secrets: dict[str, X25519PrivateKey] = field(default_factory=dict)

    @classmethod
    def open(
        cls, root: Path, document: str, *, accept: bool = True, in_memory: bool = False
    ) -> Room:
        """Propose a policy and, unless told otherwise, accept it for everybody.

        In memory nothing is durable, which is quick where durability is not the subject.
        """
        service = make_service(root)
        if in_memory:
            service.store.close()
            service = replace(service, store=MemoryStore(), vault=MemoryVault())
        room = cls(service=service, policy=parse_policy(document.encode()))
        collaborate.propose(room.service, OFFICER, document.encode())
        for member in room.policy.parties if accept else ():
            room.accept(member.name)
        return room

    def accept(self, name: str) -> tuple[str, ...]:
        """Accept for a party; return who has yet to."""
        missing = signing.accept(
            self.service, party(name), self.policy.collaboration, self.policy.digest
        )
        return missing.names

    def name(self, dataset: str) -> DatasetName:
        return DatasetName(collaboration=self.policy.collaboration, dataset=dataset)

    def owner(self, dataset: str) -> Actor:
        return party(self.policy.dataset(dataset).schema.owner)

    def secret(self, name: str) -> X25519PrivateKey:
        return self.secrets.setdefault(name, X25519PrivateKey.generate())

    def rows(self, dataset: str, records: Sequence[Record]) -> pa.Table:
        """Return wire rows: final tokens, or points blinded by the owner in the psi scheme."""
        schema = self.policy.dataset(dataset).schema
        table = wire_rows(schema, records)
        if self.policy.matching.scheme is not Scheme.PSI:
            return table
        secret = self.secret(schema.owner)
        for key in schema.keys:
            texts = [r.get(key) for r in records]
            points = [None if t is None else times(secret, hashed_point(t)) for t in texts]
            index = table.column_names.index(token_column(key))
            kind = table.schema.field(index)
            table = table.set_column(index, kind, pa.array(points, kind.type))
        return table

    def upload(
        self, dataset: str, records: Sequence[Record], *, request_id: str = "", per_chunk: int = 500
    ) -> Upload:
        """Upload and complete."""
        chunks = [
            ipc(self.rows(dataset, records[i : i + per_chunk]))
            for i in range(0, len(records), per_chunk)
        ]
        upload = self.begin(dataset, request_id)
        for index, data in enumerate(chunks):
            self.put(upload.id, dataset, index, data)
        return self.complete(upload.id, dataset, chunks)

    def begin(self, dataset: str, request_id: str = "") -> Upload:
        return ingest.begin(
            self.service,
            self.owner(dataset),
            dataset=self.name(dataset),
            request_id=request_id or secrets.token_hex(8),
            policy_digest=self.policy.digest,
        )

    def put(self, upload: str, dataset: str, index: int, data: bytes) -> Upload:
        return intake.put_chunk(
            self.service,
            self.owner(dataset),
            upload=upload,
            index=index,
            data=data,
            sha256=hashlib.sha256(data).digest(),
        )

    def complete(self, upload: str, dataset: str, chunks: Sequence[bytes]) -> Upload:
        digest = hashlib.sha256(b"".join(hashlib.sha256(c).digest() for c in chunks)).digest()
        done, _ = ingest.complete(
            self.service, self.owner(dataset), upload=upload, chunks=len(chunks), sha256=digest
        )
        return done

    def blind(self, name: str) -> int:
        """Answer every ready task of a party honestly; return how many there were."""
        ready, _ = relay.tasks(self.service, party(name))
        for task in ready:
            for index, packed in relay.stream(self.service, party(name), task.id, task.returned):
                answer = self.evaluated(name, packed)
                relay.take(self.service, party(name), task=task.id, index=index, elements=answer)
        return len(ready)

    def evaluated(self, name: str, packed: bytes) -> bytes:
        secret = self.secret(name)
        points = (packed[i : i + 32] for i in range(0, len(packed), 32))
        return b"".join(times(secret, p) for p in points)

    def blind_all(self) -> None:
        """Let agents run until nothing is left to do."""
        while any([self.blind(name) for name in self.policy.owners()]):  # noqa: C419 - everybody
            pass

    def seal(self, dataset: str) -> Version:
        return seal(self.service, self.owner(dataset), self.name(dataset))

    def fill(self, **records: Sequence[Record]) -> dict[str, Version]:
        """Upload, relay and seal several datasets."""
        for dataset, rows in records.items():
            self.upload(dataset, rows)
        self.blind_all()
        return {dataset: self.seal(dataset) for dataset in records}

    def ask(self, name: str, question: object, request_id: str = "", **loss: object) -> bytes:
        """Ask as a party; return the receipt's bytes."""
        ask = Ask(collaboration=self.policy.collaboration, question=question, **loss)
        return analyse.run(
            self.service, party(name), request_id or f"q-{secrets.token_hex(8)}", ask
        )

    def verified(self, receipt: bytes) -> VerifiedReceipt:
        return verify_receipt(receipt, verifier_of(self.service.signer))

    def spent(self) -> dict[str, int]:
        """Return what each ledger has spent."""
        balances = self.service.store.read(lambda tx: tx.ledgers.all())
        return {str(b.ledger): b.spent for b in balances}
