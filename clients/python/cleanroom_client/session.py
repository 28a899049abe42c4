"""What every story needs: the profile, the connection with its stubs, and the keystore."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cleanroom.v1 import (
    analysis_pb2_grpc,
    audit_pb2_grpc,
    collaboration_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    ledger_pb2_grpc,
    relay_pb2_grpc,
)
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.agreement import Collaboration
from cleanroom_client.credentials import Credentials
from cleanroom_client.environment import Environment
from cleanroom_client.errors import PolicyUnknown, ProfileInvalid
from cleanroom_client.keystore import Keystore, KeystoreExists, KeystoreMissing, Secrets
from cleanroom_client.profile import Profile
from cleanroom_client.transport import Transport


class Session:
    """One profile's open connection; owns the transport and closes it."""

    def __init__(
        self,
        *,
        profile: Profile,
        credentials: Credentials,
        transport: Transport,
        environment: Environment,
        passphrase: str | None,
    ) -> None:
        """Keep the parts and make a stub for each service."""
        self.profile = profile
        self.credentials = credentials
        self.transport = transport
        self.environment = environment
        self._passphrase = passphrase
        channel = transport.channel
        self.collaborations = collaboration_pb2_grpc.CollaborationServiceStub(channel)
        self.datasets = dataset_pb2_grpc.DatasetServiceStub(channel)
        # Takes requests as they are sent: see Chunk.request.
        self.upload_chunks: Callable[..., dataset_pb2.UploadChunksResponse] = channel.stream_unary(
            "/cleanroom.v1.DatasetService/UploadChunks",
            request_serializer=None,
            response_deserializer=dataset_pb2.UploadChunksResponse.FromString,
        )
        self.relay = relay_pb2_grpc.RelayServiceStub(channel)
        self.analyses = analysis_pb2_grpc.AnalysisServiceStub(channel)
        self.ledgers = ledger_pb2_grpc.LedgerServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)

    def collaboration(self) -> Collaboration:
        """Fetch the profile's collaboration; raises PolicyUnknown and what a call may raise."""
        request = pb.GetCollaborationRequest(collaboration=self.profile.collaboration)
        answer = self.transport.call(self.collaborations.GetCollaboration, request)
        asked = self.profile.collaboration
        if asked and answer.collaboration != asked:
            raise PolicyUnknown(f"the service answered for {answer.collaboration}, not {asked}")
        return Collaboration.from_proto(answer)

    def dataset_name(self, dataset: str) -> str:
        """Return a dataset's resource name."""
        return f"collaborations/{self.profile.collaboration}/datasets/{dataset}"

    @property
    def keystore_path(self) -> Path:
        """The keystore's path; raises ProfileInvalid for a profile without one."""
        if self.profile.keystore is None:
            raise ProfileInvalid(f"{self.profile.path}: this needs a party's profile")
        return self.profile.keystore

    @cached_property
    def keystore(self) -> Keystore:
        """The keystore as it is on disk at first use; raises KeystoreError."""
        return Keystore.open(self.keystore_path, passphrase=self._passphrase)

    def secrets(self, collaboration: str) -> Secrets:
        """Return the secrets that `accept` made; raises KeystoreError.

        They are never made here: tokens under a fresh secret would match nobody.
        """
        return self.keystore.secrets(collaboration)

    def ensure_secrets(self, collaboration: str) -> Secrets:
        """Return the secrets for a collaboration, in a new keystore if there is none."""
        entropy = self.environment.entropy
        try:
            keystore = self.keystore
        except KeystoreMissing:
            keystore = self.keystore = self._created()
        return keystore.ensure(collaboration, entropy=entropy)

    def _created(self) -> Keystore:
        """Return a new keystore, or the one that another process made meanwhile."""
        path, passphrase = self.keystore_path, self._passphrase
        try:
            return Keystore.create(path, passphrase=passphrase, entropy=self.environment.entropy)
        except KeystoreExists:
            return Keystore.open(path, passphrase=passphrase)
