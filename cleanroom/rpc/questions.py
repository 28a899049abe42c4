"""Questions from protobuf to the model; refuses with field violations."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    Ask,
    Buckets,
    ContributionBound,
    MatchRate,
    Overlap,
    Population,
    Question,
    Ropo,
    RopoDefinition,
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
_DEFINITIONS = {
    pb.ROPO_DEFINITION_SHARE_OF_SALES: RopoDefinition.SHARE_OF_SALES,
    pb.ROPO_DEFINITION_CONVERSION: RopoDefinition.CONVERSION,
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
            return SegmentSize(
                datasets=tuple(asked.datasets), by=tuple(asked.by), buckets=_buckets(asked.buckets)
            )
        case "sales_lift":
            return _sales_lift(message.sales_lift)
        case "contribution_bound":
            return _contribution_bound(message.contribution_bound)
        case "overlap":
            return _overlap(message.overlap)
        case "ropo":
            return _ropo(message.ropo)
        case _:
            raise FieldInvalid(field="question", expected="a question that this service knows")


def _match_rate(asked: pb.MatchRate) -> MatchRate:
    if len(asked.datasets) != 2:  # noqa: PLR2004 - a rate is between two
        raise FieldInvalid(field="datasets", expected="two different datasets")
    return MatchRate(
        datasets=(asked.datasets[0], asked.datasets[1]),
        by=tuple(asked.by),
        buckets=_buckets(asked.buckets),
    )


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
        window=_window(asked),
        filters=_filters(asked.filters),
        population=_POPULATIONS[asked.population],
        design=_DESIGNS[asked.design],
        buckets=_buckets(asked.buckets),
        bound=_bound(asked),
        exposed_by=asked.exposed_by,
        before=_span(asked.before) if asked.HasField("before") else None,
        adjustment=_ADJUSTMENTS[asked.adjustment],
        strata=tuple(asked.strata),
    )


def _contribution_bound(asked: pb.ContributionBound) -> ContributionBound:
    return ContributionBound(
        dataset=asked.dataset,
        measure=asked.measure,
        quantile=_quantile(asked.quantile),
        grid=tuple(asked.grid),
        window=_window(asked),
        filters=_filters(asked.filters),
    )


def _overlap(asked: pb.Overlap) -> Overlap:
    return Overlap(hub=asked.hub, others=tuple(asked.others), by=tuple(asked.by))


def _ropo(asked: pb.Ropo) -> Ropo:
    if asked.definition not in _DEFINITIONS:
        raise FieldInvalid(field="definition", expected="a definition that this service knows")
    return Ropo(
        definition=_DEFINITIONS[asked.definition],
        exposures=asked.exposures,
        sales=asked.sales,
        days=asked.days,
        measure=asked.measure or None,
        by=tuple(asked.by),
        window=_window(asked),
        filters=_filters(asked.filters),
    )


def _quantile(text: str) -> Fraction:
    try:
        return parse_loss_text(text)  # the same decimals
    except (ValueError, FieldInvalid) as error:
        raise FieldInvalid(field="quantile", expected="a decimal such as '0.95'") from error


def _buckets(asked: Iterable[pb.Buckets]) -> tuple[Buckets, ...]:
    return tuple(
        Buckets(
            dimension=one.dimension,
            edges=tuple(one.edges),
            window=_window(one),
            filters=_filters(one.filters),
        )
        for one in asked
    )


def _bound(asked: pb.SalesLift) -> int | None:
    return asked.bound or None  # 0 is how the protocol says nothing


def _window(asked: pb.SalesLift | pb.Buckets | pb.ContributionBound | pb.Ropo) -> Window | None:
    if not asked.HasField("window"):
        return None
    return _span(asked.window)


def _span(asked: pb.Window) -> Window:
    return Window(from_s=asked.from_s, until_s=asked.until_s)


def _filters(asked: Iterable[pb.EventFilter]) -> Filters:
    return tuple((f.column, tuple(f.values)) for f in asked)
