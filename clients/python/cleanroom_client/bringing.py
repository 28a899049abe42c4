"""A dataset from the table to the sealed version in one call; knows no terminal."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.agent import Agent, Waiting
from cleanroom_client.progress import Progress
from cleanroom_client.sealing import seal
from cleanroom_client.session import Session
from cleanroom_client.upload import Delivery, upload
from cleanroom_client.values import UploadResult, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What bringing a table came to; `evaluated` counts the other parties' elements."""

    result: UploadResult
    version: Version
    evaluated: int


def bring(
    session: Session, delivery: Delivery, progress: Progress, *, max_wait_s: float
) -> Brought:
    """Upload a table, do this party's part for the others, and seal once they have done theirs.

    1. Upload the table, or what is missing of it.
    2. Evaluate what others brought until they have evaluated this upload and nothing is to come.
    3. Seal.

    Every step goes on where an earlier call of the same content stopped.
    Raises what `upload` and `Agent.run` raise; WaitedTooLong after `max_wait_s` without any work.
    """
    result = upload(session, delivery, progress)  # 1
    with Agent(session, progress) as agent:  # 2
        awaited = Waiting(max_wait_s=max_wait_s, also=lambda: _awaited(session, result.upload.id))
        evaluated = agent.run(awaited)
    version = seal(session, delivery.dataset)  # 3
    return Brought(result=result, version=version, evaluated=evaluated)


def _awaited(session: Session, upload_id: str) -> str:
    """Say whose evaluation of the upload is awaited, or nothing."""
    request = pb.GetUploadRequest(upload=upload_id)
    found = session.transport.call(session.datasets.GetUpload, request).upload
    return f"waiting for {', '.join(found.waiting_for)} to blind" if found.waiting_for else ""
