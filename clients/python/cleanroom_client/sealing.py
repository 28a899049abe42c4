"""Asking the service to seal; loads nothing that reads tables."""

from __future__ import annotations

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.session import Session
from cleanroom_client.values import Version


def seal(session: Session, dataset: str) -> Version:
    """Seal a dataset's last complete upload; of a sealed one, return the version."""
    request = pb.SealDatasetRequest(dataset=session.dataset_name(dataset))
    answer = session.transport.call(session.datasets.SealDataset, request)
    return Version.from_proto(answer.version)
