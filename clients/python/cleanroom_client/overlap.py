"""The question about people known to several datasets, as a partner writes it."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.loss import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """People of `hub` by which of two to four `others` each is matched in."""

    hub: str
    others: tuple[str, ...]
    by: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "segment_size"

    @property
    def datasets(self) -> tuple[str, ...]:
        """The hub first."""
        return (self.hub, *self.others)

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form."""
        question = pb.Overlap(hub=self.hub, others=self.others, by=self.by)
        analysis = pb.Analysis(collaboration=collaboration, overlap=question)
        loss.fill(analysis)
        return analysis
