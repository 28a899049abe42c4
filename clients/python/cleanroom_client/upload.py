"""Bringing a table to the service: tokens, chunks, resume; knows no terminal.

The request id is computed from the content, so the same command finds its own upload again and
goes on where that one stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.agreed import check_agreed
from cleanroom_client.agreement import Collaboration
from cleanroom_client.chunks import Journal, rows_per_chunk
from cleanroom_client.consent.rules import ConsentRules
from cleanroom_client.content import content_digest
from cleanroom_client.errors import PolicyUnknown, UploadStuck
from cleanroom_client.progress import Progress
from cleanroom_client.sender import Sender
from cleanroom_client.session import Session
from cleanroom_client.sharing import shared_key
from cleanroom_client.tables import Batch, TableReader, Tabular, wire_schema
from cleanroom_client.tokens import (
    HmacTokens,
    PsiTokens,
    Sha256Tokens,
    Tokens,
    digest_of,
)
from cleanroom_client.values import UploadResult, UploadStatus

_FINISHED = ("complete", "sealed")
_ABANDONED = "abandoned"
_REQUEST_ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a partner brings: a table for a dataset, and how to read it.

    `mapping` is {column: header}. `again` starts over although the same content is there. With
    `consent`, each row's consent is read from a string under these rules.
    """

    dataset: str
    table: Tabular
    mapping: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    again: bool = False
    consent: ConsentRules | None = None


def upload(session: Session, delivery: Delivery, progress: Progress) -> UploadResult:
    """Bring a table, or what is missing of it.

    1. The dataset is this party's, and the terms are those of the accepted policy.
    2. The table's header fits, its first rows can be read, and its content names the upload:
       most mistakes are in every row, and then nothing is begun at the service.
    3. Begin, or find the upload begun before.
    4. Send what the service lacks, declare all of it complete.

    Raises BadInput, ClientError (UploadStuck for a file that changes meanwhile), KeystoreError.
    """
    collaboration = session.collaboration()  # 1
    spec = replace(collaboration.spec(delivery.dataset), consent=delivery.consent)
    _check_owner(session, collaboration, delivery.dataset)
    check_agreed(session, collaboration)
    stamp = _stamp(delivery.table)
    batch_rows = rows_per_chunk(wire_schema(spec))
    reader = TableReader(  # 2
        delivery.table,
        spec,
        mapping=delivery.mapping,
        region=collaboration.terms.default_region or None,
        person_key=session.secrets(collaboration.name).person,
        delimiter=delivery.delimiter,
        batch_rows=batch_rows,
    )
    next(iter(reader), None)
    with make_tokens(session, collaboration) as tokens:
        name = _name_of(collaboration, delivery, batch_rows, tokens.fingerprint)
        found, request_id = _begin(session, collaboration, delivery, name)  # 3
        if found.state in _FINISHED:
            return UploadResult(upload=UploadStatus.from_proto(found), report=None)
        journal = Journal(session.keystore_path.parent / "uploads" / f"{request_id}.chunks")
        sender = Sender(session, found, tokens=tokens, journal=journal, progress=progress)
        complete = sender.send_all(_of_one_content(reader, delivery.table, stamp))  # 4
    return UploadResult(upload=UploadStatus.from_proto(complete), report=reader.report)


def _stamp(table: Tabular) -> tuple[int, ...]:
    """Return what changes with a file's content; nothing for a table in memory, or no file."""
    if not isinstance(table, Path):
        return ()
    try:
        found = table.stat()
    except OSError:  # opening it says so in better words
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _of_one_content(
    batches: Iterable[Batch], table: Tabular, stamp: tuple[int, ...]
) -> Iterator[Batch]:
    """Yield batches that were read before the file changed; raises UploadStuck behind them.

    The upload is named by the content that was there first: under that name no other may go.
    """
    for batch in batches:
        _check_unchanged(table, stamp)
        yield batch
    _check_unchanged(table, stamp)


def _check_unchanged(table: Tabular, stamp: tuple[int, ...]) -> None:
    if _stamp(table) != stamp:
        raise UploadStuck("the file changed while it was read: repeat the command when it is whole")


def make_tokens(session: Session, collaboration: Collaboration) -> Tokens:
    """Return the token maker of the policy's scheme under this party's secret."""
    secrets = session.secrets(collaboration.name)
    match collaboration.terms.scheme:
        case "psi":
            workers = os.cpu_count() or 1
            return PsiTokens(secrets.blinding, collaboration.name, workers=workers)
        case "hmac":
            return HmacTokens(shared_key(session, collaboration), collaboration.name)
        case "sha256":
            return Sha256Tokens()
        case other:
            raise PolicyUnknown(f"the scheme {other} is not known to this version")


def _check_owner(session: Session, collaboration: Collaboration, dataset: str) -> None:
    owner = collaboration.owner(dataset)
    if owner != session.profile.name:
        raise PolicyUnknown(
            f"dataset {dataset} is not {session.profile.name}'s but {owner}'s: only its owner uploads"
        )


def _name_of(
    collaboration: Collaboration, delivery: Delivery, batch_rows: int, fingerprint: bytes
) -> bytes:
    """Return 32 bytes that name this content, so divided, under this policy and secret.

    A version of this package that divides otherwise must not go on where this one stopped.

    The fingerprint keeps the operator from testing guesses of the content against request ids.
    """
    mapping = [f"{column}={header}".encode() for column, header in sorted(delivery.mapping.items())]
    consent = () if delivery.consent is None else (delivery.consent.digest(),)
    return digest_of(
        b"cleanroom-upload/v1",
        collaboration.ruling().digest.encode(),
        delivery.dataset.encode(),
        batch_rows.to_bytes(4),
        digest_of(*mapping),
        content_digest(delivery.table, delivery.delimiter),
        fingerprint,
        *consent,
    )


def _begin(
    session: Session, collaboration: Collaboration, delivery: Delivery, name: bytes
) -> tuple[pb.Upload, str]:
    """Return the first usable upload under the names derived from `name`, and its request id.

    An upload that another one replaced takes no more chunks: bringing the same content after it
    needs a new name, found by counting.
    """
    unusable = (_ABANDONED, *_FINISHED) if delivery.again else (_ABANDONED,)
    count = 0
    while True:
        request_id = digest_of(name, count.to_bytes(4)).hex()[:_REQUEST_ID_DIGITS]
        request = pb.CreateUploadRequest(
            dataset=session.dataset_name(delivery.dataset),
            request_id=request_id,
            policy_digest=collaboration.ruling().digest,
        )
        found = session.transport.call(session.datasets.CreateUpload, request).upload
        if found.state not in unusable:
            return found, request_id
        count += 1
