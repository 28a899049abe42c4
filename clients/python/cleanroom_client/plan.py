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
class ExpectedFigure:
    """A figure as it would be under the assumption, the arms being alike.

    `half_width` is how far the interval would reach to either side of it.
    """

    name: str
    unit: str
    value: float | None
    half_width: float | None
    noise_sd: float | None
    sampling_se: float | None
    undefined: str | None

    @classmethod
    def from_proto(cls, told: pb.ExpectedFigure) -> Self:
        """Return the figure of an answer."""
        return cls(
            name=told.name,
            unit=told.unit,
            value=told.value if told.HasField("value") else None,
            half_width=told.half_width if told.HasField("half_width") else None,
            noise_sd=told.noise_sd if told.HasField("noise_sd") else None,
            sampling_se=told.sampling_se if told.HasField("sampling_se") else None,
            undefined=told.undefined or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableLift:
    """The smallest lift that would be told from none, in its unit and over what is without it."""

    figure: str
    unit: str
    absolute: float | None
    relative: float | None
    undefined: str | None

    @classmethod
    def from_proto(cls, told: pb.DetectableLift) -> Self:
        """Return the lift of an answer."""
        return cls(
            figure=told.figure,
            unit=told.unit,
            absolute=told.absolute if told.HasField("absolute") else None,
            relative=told.relative if told.HasField("relative") else None,
            undefined=told.undefined or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Costs and precision of a question that has not been asked.

    `rho` is the loss to offer for it. `expected` and `detectable` are there where something was
    assumed; `suppressed` says that cells of so few people would rather be withheld.
    """

    family: str
    debits: tuple[PlannedDebit, ...]
    statistics: tuple[PlannedStatistic, ...]
    suppression_line: int
    minimum_people: int
    cells: int
    level: float
    mechanism: str
    rho: str
    expected: tuple[ExpectedFigure, ...]
    detectable: tuple[DetectableLift, ...]
    suppressed: bool

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
            rho=response.rho,
            expected=tuple(map(ExpectedFigure.from_proto, response.expected)),
            detectable=tuple(map(DetectableLift.from_proto, response.detectable)),
            suppressed=response.suppressed,
        )

    def expect(self, name: str) -> ExpectedFigure:
        """Return the expected figure called `name`; raises KeyError."""
        for figure in self.expected:
            if figure.name == name:
                return figure
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return asdict(self)
