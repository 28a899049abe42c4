"""The question about purchases offline after contacts online, as a partner writes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid
from cleanroom_client.events import Filters, Span, filters_proto, window_proto
from cleanroom_client.loss import Loss

_DAYS = 2**31  # what the protocol holds
_DEFINITIONS = {
    "share_of_sales": pb.ROPO_DEFINITION_SHARE_OF_SALES,
    "conversion": pb.ROPO_DEFINITION_CONVERSION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ropo:
    """Research online, purchase offline: purchases at most `days` after a contact.

    `share_of_sales` is that part of all purchases, counted in `measure`, a measure of the sales
    dataset; `conversion` is the part of the people with a contact who then purchased.
    """

    definition: str
    exposures: str
    sales: str
    days: int
    measure: str | None = None
    by: tuple[str, ...] = ()
    window: Span | None = None
    filters: Filters = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a definition that is not known."""
        if self.definition not in _DEFINITIONS:
            raise QuestionInvalid(f"definition: expected one of {', '.join(_DEFINITIONS)}")

    @property
    def family(self) -> str:
        """The family as measurements name it."""
        return "sales_lift"

    @property
    def datasets(self) -> tuple[str, str]:
        """Exposures, then sales."""
        return (self.exposures, self.sales)

    def to_proto(self, collaboration: str, loss: Loss) -> pb.Analysis:
        """Return the request's form; raises QuestionInvalid for a window that is none."""
        question = pb.Ropo(
            definition=_DEFINITIONS[self.definition],
            exposures=self.exposures,
            sales=self.sales,
            days=_days(self.days),
            measure=self.measure or "",
            by=self.by,
            window=window_proto(self.window),
            filters=filters_proto(self.filters),
        )
        analysis = pb.Analysis(collaboration=collaboration, ropo=question)
        loss.fill(analysis)
        return analysis


def _days(days: int) -> int:
    """Return `days` if the protocol can say it; the service knows how many are allowed."""
    if not 0 <= days < _DAYS:
        raise QuestionInvalid("days: expected a whole number of days, as in 30")
    return days
