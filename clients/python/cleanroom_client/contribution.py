"""The question where to clip a measure, as a partner writes it; knows no connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.buckets import ascending
from cleanroom_client.events import Filters, Span, filters_proto, window_proto
from cleanroom_client.loss import Amount, Loss, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionBound:
    """The smallest value of `grid` that a share `quantile` of the people do not exceed.

    People are those whose sum of `measure`, over events inside `window` that pass `filters`, is
    above zero. Money is in minor units. The policy's own bound always ends the grid.
    """

    dataset: str
    measure: str
    quantile: Amount
    grid: tuple[int, ...]
    window: Span | None = None
    filters: Filters = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a grid that does not ascend and a quantile that is no positive number."""
        object.__setattr__(self, "grid", ascending("grid", self.grid))
        object.__setattr__(self, "quantile", positive("quantile", self.quantile))

    @property
    def family(self) -> str:
        """What plans of it are called; the policy grants it with sales lifts."""
        return "contribution_bound"

    @property
    def datasets(self) -> tuple[str]:
        """The one dataset."""
        return (self.dataset,)

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form; raises QuestionInvalid for a window that is none."""
        question = pb.ContributionBound(
            dataset=self.dataset,
            measure=self.measure,
            quantile=str(self.quantile),
            grid=self.grid,
            window=window_proto(self.window),
            filters=filters_proto(self.filters),
        )
        analysis = pb.Analysis(collaboration=collaboration, contribution_bound=question)
        loss.fill(analysis)
        return analysis
