"""DatasetService: convert, call, convert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import grpc

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Upload, Version
from cleanroom.rpc.ahead import ahead
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.people import held, references, withdrawn
from cleanroom.usecases import ingest, intake
from cleanroom.usecases import subject as subjects
from cleanroom.usecases.chunks import Chunk
from cleanroom.usecases.seal import seal
from cleanroom.usecases.service import Service
from cleanroom.usecases.subject import describe_person
from cleanroom.usecases.withdraw import MAX_REFERENCES, heeded_from, withdraw
from cleanroom.v1 import dataset_pb2 as pb
from cleanroom.v1.dataset_pb2_grpc import DatasetServiceServicer

_AHEAD = 4  # chunks of a stream that wait in memory, beside one on either side


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetServicer(DatasetServiceServicer):
    """Uploads and versions of the caller's own datasets."""

    service: Service
    identities: Identities

    def CreateUpload(
        self, request: pb.CreateUploadRequest, context: grpc.ServicerContext
    ) -> pb.CreateUploadResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        upload = ingest.begin(
            self.service,
            actor,
            dataset=DatasetName.parse(request.dataset),
            request_id=request.request_id,
            policy_digest=request.policy_digest,
        )
        return pb.CreateUploadResponse(
            upload=_upload(*ingest.get_upload(self.service, actor, upload.id))
        )

    def GetUpload(
        self, request: pb.GetUploadRequest, context: grpc.ServicerContext
    ) -> pb.GetUploadResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        found = ingest.get_upload(self.service, actor, request.upload)
        return pb.GetUploadResponse(upload=_upload(*found))

    def UploadChunks(
        self, request_iterator: Iterator[pb.UploadChunksRequest], context: grpc.ServicerContext
    ) -> pb.UploadChunksResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        first = next(request_iterator, pb.UploadChunksRequest())
        requests = chain([first] if first.upload else [], request_iterator)
        chunks = ahead(_chunks(requests, first.upload), _AHEAD)
        intake.put_chunks(self.service, actor, upload=first.upload, chunks=chunks)
        found = ingest.get_upload(self.service, actor, first.upload)
        return pb.UploadChunksResponse(upload=_upload(*found))

    def CompleteUpload(
        self, request: pb.CompleteUploadRequest, context: grpc.ServicerContext
    ) -> pb.CompleteUploadResponse:
        """See dataset.proto."""
        found = ingest.complete(
            self.service,
            self.identities.actor(context),
            upload=request.upload,
            chunks=request.chunks,
            sha256=request.sha256,
        )
        return pb.CompleteUploadResponse(upload=_upload(*found))

    def SealDataset(
        self, request: pb.SealDatasetRequest, context: grpc.ServicerContext
    ) -> pb.SealDatasetResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        version = seal(self.service, actor, DatasetName.parse(request.dataset))
        return pb.SealDatasetResponse(version=_version(version))

    def DescribeDataset(
        self, request: pb.DescribeDatasetRequest, context: grpc.ServicerContext
    ) -> pb.DescribeDatasetResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        dataset = DatasetName.parse(request.dataset)
        uploads, versions = ingest.describe(self.service, actor, dataset)
        return pb.DescribeDatasetResponse(
            uploads=[_upload(u, w) for u, w in uploads], versions=[_version(v) for v in versions]
        )

    def EraseVersion(
        self, request: pb.EraseVersionRequest, context: grpc.ServicerContext
    ) -> pb.EraseVersionResponse:
        """See dataset.proto."""
        actor = self.identities.actor(context)
        version = ingest.erase(self.service, actor, request.version)
        return pb.EraseVersionResponse(version=_version(version))

    def WithdrawConsent(
        self, request: pb.WithdrawConsentRequest, context: grpc.ServicerContext
    ) -> pb.WithdrawConsentResponse:
        """See dataset.proto."""
        withdrawal = withdraw(
            self.service,
            self.identities.actor(context),
            dataset=DatasetName.parse(request.dataset),
            request_id=request.request_id,
            references=references(request.references, MAX_REFERENCES),
        )
        return withdrawn(withdrawal, heeded_from(self.service, withdrawal))

    def DescribePerson(
        self, request: pb.DescribePersonRequest, context: grpc.ServicerContext
    ) -> pb.DescribePersonResponse:
        """See dataset.proto."""
        subject = describe_person(
            self.service,
            self.identities.actor(context),
            dataset=DatasetName.parse(request.dataset),
            references=references(request.references, subjects.MAX_REFERENCES),
        )
        return held(subject)


def _chunks(requests: Iterable[pb.UploadChunksRequest], upload: str) -> Iterator[Chunk]:
    """Yield what requests hold; raises FieldInvalid for one of another upload."""
    for request in requests:
        if request.upload != upload:
            raise FieldInvalid(field="upload", expected="one upload in a stream")
        yield Chunk(index=request.index, data=request.data, sha256=request.sha256)


def _upload(upload: Upload, waiting_for: tuple[str, ...]) -> pb.Upload:
    return pb.Upload(
        id=upload.id,
        dataset=str(upload.dataset),
        policy_digest=upload.policy_digest,
        state=str(upload.state),
        next_chunk=upload.chunks,
        rows=upload.rows,
        waiting_for=waiting_for,
    )


def _version(version: Version) -> pb.Version:
    return pb.Version(
        id=version.id,
        dataset=str(version.dataset),
        policy_digest=version.policy_digest,
        file_digest=version.file_digest,
        content_digest=version.content_digest,
        persons=version.persons,
        events=version.events,
        sealed_at_s=version.sealed_at_s,
        erased_at_s=version.erased_at_s or 0,
    )
