"""What a partner assumes of the people and wishes of an answer, for a plan; knows no connection.

The service reads no data for it: a plan under wrong assumptions is a wrong plan, and no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Assume:
    """The people of one cell, and what they do without the campaign.

    `people` are those of each arm of a lift, of each dataset of a match rate, or of a cell.
    `matched` is for match rates and, in each other dataset, for overlaps; `rate`, the share who
    buy, for buyers, and with a contact before for purchases after contacts; `mean` and `sd` per
    person for sums (money in minor units); `correlation` of before and after for adjusted lifts;
    `exposed`, the share of the test arm that is reached, for encouragement; `visits` and
    `visits_sd` per person for an average order, with the `correlation` of visits and amount.
    """

    people: int
    matched: int | None = None
    rate: float | None = None
    mean: float | None = None
    sd: float | None = None
    correlation: float | None = None
    exposed: float | None = None
    visits: float | None = None
    visits_sd: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no number; the service knows which numbers a question needs."""
        for field in fields(self):
            _check_number(field.name, getattr(self, field.name))

    def to_proto(self) -> pb.Assumption:
        """Return the request's form."""
        return pb.Assumption(
            people=self.people,
            matched=self.matched,
            rate=self.rate,
            mean=self.mean,
            sd=self.sd,
            correlation=self.correlation,
            exposed=self.exposed,
            visits=self.visits,
            visits_sd=self.visits_sd,
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """An interval of `figure` that reaches at most `half_width` to either side.

    In the figure's unit: `Wish("absolute_lift", 0.005)` for half a percentage point of buyers.
    """

    figure: str
    half_width: float

    def __post_init__(self) -> None:
        """Refuse a width that is none."""
        _check_number("wish", self.half_width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """All of it: an assumption, perhaps a wish, and the test that tells a lift from none."""

    assume: Assume | None = None
    wish: Wish | None = None
    power: float | None = None
    significance: float | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning without an assumption."""
        others = (self.wish, self.power, self.significance)
        if self.assume is None and any(other is not None for other in others):
            raise QuestionInvalid("say what you assume of the people: precision depends on it")

    def fill(self, request: pb.PlanAnalysisRequest) -> None:
        """Write it into a request."""
        if self.assume is not None:
            request.assume.CopyFrom(self.assume.to_proto())
        if self.wish is not None:
            wish = pb.Wish(figure=self.wish.figure, half_width=self.wish.half_width)
            request.wish.CopyFrom(wish)
        request.power = self.power or 0.0
        request.significance = self.significance or 0.0


def _check_number(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise QuestionInvalid(f"{name}: expected a number")
