"""The engine port on embedded DuckDB; must not know noise, policies or where versions are kept.

Figures are Ibis expressions (sizes.py, lift.py, overlap.py, ropo.py), so that another backend can compute the same.
Everything is an integer from the sealed tables to the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from cleanroom.analysis.request import ExactRequest, Statistics
from cleanroom.engine.buckets import contributions, with_buckets
from cleanroom.engine.lift import sales_lift
from cleanroom.engine.matching import Side, side
from cleanroom.engine.overlap import overlap
from cleanroom.engine.ropo import ropo
from cleanroom.engine.session import Session
from cleanroom.engine.sizes import match_rate, segment_size
from cleanroom.model.dataset import VersionRef
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    SalesLift,
    SegmentSize,
)
from cleanroom.ports.tables import SealedTables


@dataclass(frozen=True, slots=True, kw_only=True)
class DuckDbEngine:
    """Computes each request in a database of its own, in memory; safe for several threads.

    `memory_limit` is DuckDB's (it leaves out the sealed tables themselves); `spill_dir` is where
    it may write what does not fit, unencrypted: on an encrypted volume, or None for nowhere.
    """

    memory_limit: str = "2GB"
    threads: int = 2
    spill_dir: str | None = None

    @property
    def name(self) -> str:
        """Name and version."""
        return f"duckdb {duckdb.__version__}"

    def warm(self) -> None:
        """Load what the first question would otherwise wait for: about half a second."""
        with Session(memory_limit=self.memory_limit, threads=1, spill_dir=None) as session:
            rows = session.table(pa.table({"n": [1]}))
            session.fetch(rows.aggregate(total=rows.n.sum()))

    def exact(
        self, request: ExactRequest, load: Callable[[VersionRef], SealedTables]
    ) -> Statistics:
        """Return every statistic of the request for every cell (analysis/request.py).

        Raises FieldInvalid where the question does not fit the schemas, StatisticTooLarge.
        """
        with Session(
            memory_limit=self.memory_limit, threads=self.threads, spill_dir=self.spill_dir
        ) as session:
            sides = [
                side(session, version, load(version), request.purposes, request.epoch)
                for version in request.versions
            ]
            sides = [with_buckets(session, one, request.groupings) for one in sides]
            return Statistics(values=_values(session, request, sides))


def _values(
    session: Session, request: ExactRequest, sides: Sequence[Side]
) -> dict[str, tuple[int, ...]]:
    match request.question:
        case MatchRate():
            return match_rate(session, request, sides)
        case SegmentSize():
            return segment_size(session, request, sides)
        case SalesLift() as question:
            exposures, sales = sides
            return sales_lift(session, request, question, exposures, sales)
        case ContributionBound() as question:
            (one,) = sides
            return contributions(session, question, one, request.bound)
        case Overlap() as question:
            return overlap(session, request, question, sides)
        case Ropo() as question:
            exposures, sales = sides
            return ropo(session, request, question, exposures, sales)
