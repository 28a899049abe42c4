"""Raw tables into a `Room`, read and normalised by the SDK; tokens of the sha256 scheme."""

from __future__ import annotations

import pandas as pd

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import exact_request, plan
from cleanroom.model.dataset import VersionRef
from cleanroom.model.question import Question
from cleanroom.policy.decide import decide
from cleanroom.policy.document import DatasetRules, Scheme
from cleanroom.ports.records import Version
from cleanroom_client.arrow_items import pack
from cleanroom_client.blinding import PersonKey
from cleanroom_client.chunks import Chunk, rows_per_chunk
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.tables import TableReader, wire_schema
from cleanroom_client.tables.spec import ArmSpec, DatasetSpec, Unit
from support.rooms import Room


def spec_of(rules: DatasetRules) -> DatasetSpec:
    """Return a dataset's columns as the service would tell them to the SDK."""
    schema, arm = rules.schema, rules.arm
    return DatasetSpec(
        keys=tuple(KeyType(key) for key in schema.keys),
        dimensions={d.name: d.values for d in schema.dimensions},
        arm=arm and ArmSpec(column=arm.column, test=arm.test, control=arm.control),
        counts=tuple(count.name for count in schema.counts),
        measures={m.name: Unit(m.unit) for m in schema.measures},
        event_filters={f.name: f.values for f in schema.filters},
        timed=schema.timed,
    )


def bring(
    room: Room, dataset: str, frame: pd.DataFrame, *, person_key: PersonKey | None = None
) -> Version:
    """Upload a table as its owner would, and seal it."""
    assert room.policy.matching.scheme is Scheme.SHA256
    spec = spec_of(room.policy.dataset(dataset))
    rows = rows_per_chunk(wire_schema(spec))
    reader = TableReader(
        frame,
        spec,
        region=room.policy.matching.default_region,
        person_key=person_key,
        batch_rows=rows,
    )
    upload = room.begin(dataset)
    chunks = []
    for index, batch in enumerate(reader):
        tokens = {key: pack(identities) for key, identities in batch.identities.items()}
        chunks.append(Chunk.of(index, batch.with_tokens(tokens)).data)
        room.put(upload.id, dataset, index, chunks[-1])
    room.complete(upload.id, dataset, chunks)
    return room.seal(dataset)


def exact(room: Room, asker: str, question: Question) -> dict[str, tuple[int, ...]]:
    """Return the engine's statistics, before noise, over the versions sealed last."""
    now_s = room.service.clock.now_s()
    allowance = decide(room.policy, asker=asker, question=question, now_s=now_s)
    planned = plan(allowance, default_nano_rho(allowance))
    latest = {
        d: room.service.store.read(lambda tx, d=d: tx.versions.latest(room.name(d)))
        for d in question.datasets
    }
    digests = {version.id: version.file_digest for version in latest.values()}
    pairs = zip(question.datasets, allowance.schemas, strict=True)
    request = exact_request(
        planned,
        purposes=allowance.purposes,
        versions=tuple(VersionRef(version=latest[d].id, schema=schema) for d, schema in pairs),
        epoch=room.policy.consent.epoch(now_s),
    )
    vault = room.service.vault
    found = room.service.engine.exact(
        request, lambda ref: vault.get_version(ref.version, digests[ref.version])
    )
    return found.values
