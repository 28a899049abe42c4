"""Turning a complete, fully relayed upload into an immutable encrypted version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cleanroom.audit.entry import EntryKind
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import RelayMisbehaved, RelayPending, UploadConflict
from cleanroom.model.names import Actor, DatasetName
from cleanroom.model.withdrawal import Marks
from cleanroom.policy.document import DatasetRules, Policy, Scheme
from cleanroom.ports.records import TaskState, Upload, UploadState, Version
from cleanroom.ports.store import Transaction
from cleanroom.ports.tables import Sealed
from cleanroom.usecases import relay
from cleanroom.usecases.ingest import chunks_of, owned
from cleanroom.usecases.marks import count_of, known_marks
from cleanroom.usecases.origins import Origins
from cleanroom.usecases.service import Service, current_version, fits, party_of
from cleanroom.usecases.turns import Turns

_TURNS = Turns()


def seal(service: Service, actor: Actor, dataset: DatasetName) -> Version:
    """Seal the dataset's complete upload; without one, return the version sealed last.

    Raises NotPermitted, PolicyNotInForce, RelayPending, RelayMisbehaved, UploadConflict.
    """
    owner = party_of(actor, str(dataset), "seal")
    # Alone, because whoever has sealed erases the rows that another would still read.
    with _TURNS.alone(str(dataset)):
        return _seal(service, actor, dataset, owner)


def _seal(service: Service, actor: Actor, dataset: DatasetName, owner: str) -> Version:
    while True:
        version = _sealed(service, actor, dataset, owner)
        if version is not None:
            return version
        # Somebody withdrew meanwhile, whom the version made may hold: it is made again.


def _sealed(service: Service, actor: Actor, dataset: DatasetName, owner: str) -> Version | None:
    policy, rules, upload, last = service.store.read(lambda tx: _ready(tx, dataset, owner))
    if upload is None:
        if last is None:
            raise UploadConflict(upload=str(dataset), why="there is no complete upload to seal")
        return last
    known = known_marks(service, dataset)
    sealed = _make(service, policy, rules, upload, known.marks)
    version_id = service.new_id("v")
    # A crash after this line leaves files without a row; fsck notes them, sealing makes new ones.
    remembered = _remembered(service, policy, rules, upload, sealed if known.marks else None)
    file_digest = service.vault.put_version(version_id, sealed.tables, remembered)
    version = Version(
        id=version_id,
        dataset=dataset,
        owner=owner,
        upload=upload.id,
        policy_digest=policy.digest,
        file_digest=file_digest,
        content_digest=sealed.digest,
        persons=sealed.tables.persons.num_rows,
        events=sealed.tables.events.num_rows,
        sealed_at_s=service.clock.now_s(),
    )
    state = _record(service, actor, version, upload, known.count)
    if state is not UploadState.SEALED:
        service.vault.erase_version(version.id)
        if state is UploadState.COMPLETE:
            return None
        raise UploadConflict(upload=upload.id, why="it was replaced while it was sealed")
    # A crash before this line leaves the rows of a sealed upload; `recover` erases them.
    service.vault.erase_upload(upload.id)
    return version


def _ready(
    tx: Transaction, dataset: DatasetName, owner: str
) -> tuple[Policy, DatasetRules, Upload | None, Version | None]:
    policy, rules = owned(tx, dataset, owner, "seal")
    last = current_version(tx, dataset)
    if last is not None and not fits(tx, last.policy_digest, policy, dataset.dataset):
        last = None
    complete = [u for u in tx.uploads.of_dataset(dataset) if u.state is UploadState.COMPLETE]
    if not complete:
        return policy, rules, None, last
    upload = complete[-1]
    if not fits(tx, upload.policy_digest, policy, dataset.dataset):
        raise UploadConflict(
            upload=upload.id, why="the policy changed since: upload the file again"
        )
    for task in tx.relay.of_upload(upload.id):
        if task.state is TaskState.FAILED:
            raise RelayMisbehaved(party=task.party, why="its evaluation was refused: upload again")
    waiting = relay.waiting(tx, upload.id)
    if waiting:
        raise RelayPending(dataset=dataset.dataset, waiting_for=waiting)
    return policy, rules, upload, last


def _make(
    service: Service, policy: Policy, rules: DatasetRules, upload: Upload, marks: Marks | None
) -> Sealed:
    tokens: dict[KeyType, Iterator[tuple[bytes, bytes]]] = {}
    if policy.matching.scheme is Scheme.PSI:
        origins = Origins.of(service.vault, upload.id)
        tokens = {key: origins.tokens(key) for key in rules.schema.keys}
    rows = chunks_of(service.vault, upload)
    return service.sealer.seal(rows, rules.schema, tokens, policy.sealable_purposes(), marks)


def _remembered(
    service: Service, policy: Policy, rules: DatasetRules, upload: Upload, among: Sealed | None
) -> Iterator[tuple[str, bytes]]:
    """Yield what spares the next upload's relay the elements that this one has.

    It lies under the version's key and goes with it. An element that the upload no longer has is
    not remembered, whatever the version before knew; nor, with `among`, one of nobody in there.
    """
    if policy.matching.scheme is not Scheme.PSI:
        return
    kept = None
    if among is not None:
        everybody = range(among.tables.persons.num_rows)
        halves = service.sealer.references_of(among.tables, everybody)
        kept = service.sealer.held_tokens(halves)
    yield from Origins.of(service.vault, upload.id).remembered(rules.schema.keys, kept)


def _record(
    service: Service, actor: Actor, version: Version, upload: Upload, withdrawals: int
) -> UploadState:
    """Make the version visible and log it; return the state in which its upload then is.

    It stays COMPLETE when somebody withdrew beside those `withdrawals` that the version heeds.
    """

    def work(tx: Transaction) -> UploadState:
        now = tx.uploads.get(upload.id)
        if now is None or now.state is not UploadState.COMPLETE:
            return UploadState.ABANDONED
        if count_of(tx, version.dataset) != withdrawals:
            return UploadState.COMPLETE
        tx.versions.add(version)
        tx.uploads.replace(replace(now, state=UploadState.SEALED))
        service.note(
            tx,
            EntryKind.VERSION_SEALED,
            actor,
            version.dataset.collaboration,
            dataset=version.dataset.dataset,
            version=version.id,
            policy_digest=version.policy_digest,
            file_digest=version.file_digest,
        )
        return UploadState.SEALED

    return service.store.transact(work)
