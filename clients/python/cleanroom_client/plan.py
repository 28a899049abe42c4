"""What a question would cost and how precise it would be; knows no connection."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from cleanroom.v1 import analysis_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDebit:
    """A debit in 1e-9 of rho, and the same as epsilon (rounded up) at the ledger's delta."""

    ledger: str
    nano_rho: int
    epsilon: str
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStatistic:
    """A statistic, the sd of its noise, and the most one person may add to it."""

    name: str
    noise_sd: float
    contribution_bound: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Costs and precision of a question that has not been asked."""

    family: str
    debits: tuple[PlannedDebit, ...]
    statistics: tuple[PlannedStatistic, ...]
    suppression_line: int
    minimum_people: int
    cells: int
    level: float
    mechanism: str

    @classmethod
    def from_proto(cls, family: str, response: pb.PlanAnalysisResponse) -> Self:
        """Return the plan of an answer."""
        return cls(
            family=family,
            debits=tuple(
                PlannedDebit(ledger=d.ledger, nano_rho=d.nano_rho, epsilon=d.epsilon, delta=d.delta)
                for d in response.debits
            ),
            statistics=tuple(
                PlannedStatistic(
                    name=s.name, noise_sd=s.noise_sd, contribution_bound=s.contribution_bound
                )
                for s in response.statistics
            ),
            suppression_line=response.suppression_line,
            minimum_people=response.minimum_people,
            cells=response.cells,
            level=response.level,
            mechanism=response.mechanism,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return asdict(self)
