"""Questions from protobuf to the model; refuses with field violations."""

from __future__ import annotations

from fractions import Fraction

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    Ask,
    MatchRate,
    Population,
    Question,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.privacy.loss import parse_loss_text
from cleanroom.v1 import analysis_pb2 as pb

_POPULATIONS = {
    pb.POPULATION_UNSPECIFIED: Population.ALL,
    pb.POPULATION_ALL: Population.ALL,
    pb.POPULATION_MATCHED: Population.MATCHED,
}
_DESIGNS = {
    pb.DESIGN_UNSPECIFIED: Design.RANDOMIZED,
    pb.DESIGN_RANDOMIZED: Design.RANDOMIZED,
    pb.DESIGN_RANDOMIZED_ENCOURAGEMENT: Design.RANDOMIZED_ENCOURAGEMENT,
    pb.DESIGN_OBSERVATIONAL: Design.OBSERVATIONAL,
}
_ADJUSTMENTS = {
    pb.ADJUSTMENT_UNSPECIFIED: Adjustment.NONE,
    pb.ADJUSTMENT_NONE: Adjustment.NONE,
    pb.ADJUSTMENT_CUPED: Adjustment.CUPED,
    pb.ADJUSTMENT_CUPED_TWO_STAGE: Adjustment.CUPED_TWO_STAGE,
    pb.ADJUSTMENT_CHANGE_SCORE: Adjustment.CHANGE_SCORE,
    pb.ADJUSTMENT_POST_STRATIFIED: Adjustment.POST_STRATIFIED,
}


def read_ask(message: pb.Analysis) -> Ask:
    """Return the question and the loss offered; raises FieldInvalid."""
    kind = message.WhichOneof("loss")
    return Ask(
        collaboration=message.collaboration,
        question=_question(message),
        rho=_loss(message.rho, "rho") if kind == "rho" else None,
        epsilon=_loss(message.epsilon, "epsilon") if kind == "epsilon" else None,
    )


def _loss(text: str, field: str) -> Fraction:
    try:
        return parse_loss_text(text)
    except (ValueError, FieldInvalid) as error:
        raise FieldInvalid(field=field, expected="a positive decimal such as '0.5'") from error


def _question(message: pb.Analysis) -> Question:
    match message.WhichOneof("question"):
        case "match_rate":
            return _match_rate(message.match_rate)
        case "segment_size":
            asked = message.segment_size
            return SegmentSize(datasets=tuple(asked.datasets), by=tuple(asked.by))
        case "sales_lift":
            return _sales_lift(message.sales_lift)
        case _:
            raise FieldInvalid(field="question", expected="match_rate, segment_size or sales_lift")


def _match_rate(asked: pb.MatchRate) -> MatchRate:
    if len(asked.datasets) != 2:  # noqa: PLR2004 - a rate is between two
        raise FieldInvalid(field="datasets", expected="two different datasets")
    return MatchRate(datasets=(asked.datasets[0], asked.datasets[1]), by=tuple(asked.by))


def _sales_lift(asked: pb.SalesLift) -> SalesLift:
    if asked.population not in _POPULATIONS:
        raise FieldInvalid(field="population", expected="a population that this service knows")
    if asked.design not in _DESIGNS:
        raise FieldInvalid(field="design", expected="a design that this service knows")
    if asked.adjustment not in _ADJUSTMENTS:
        raise FieldInvalid(field="adjustment", expected="an adjustment that this service knows")
    return SalesLift(
        exposures=asked.exposures,
        sales=asked.sales,
        outcome=asked.outcome,
        by=tuple(asked.by),
        window=_window(asked.window) if asked.HasField("window") else None,
        filters=tuple((f.column, tuple(f.values)) for f in asked.filters),
        population=_POPULATIONS[asked.population],
        design=_DESIGNS[asked.design],
        exposed_by=asked.exposed_by,
        before=_window(asked.before) if asked.HasField("before") else None,
        adjustment=_ADJUSTMENTS[asked.adjustment],
        strata=tuple(asked.strata),
    )


def _window(asked: pb.Window) -> Window:
    return Window(from_s=asked.from_s, until_s=asked.until_s)
