"""Reads the question of a case; must not know what must come of it.

Leaves out what no rule of a policy depends on (strata, windows before, what tells the exposed)
and buckets, so cases cannot ask for these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cleanroom.model.events import Filters, Window
from cleanroom.model.question import (
    ContributionBound,
    Design,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
)
from cleanroom.policy.case_keys import QUANTILE
from cleanroom.policy.fields import DAY_S, Field


def _names(field: Field) -> tuple[str, ...]:
    return field.values() if field.present else ()


def _filters(field: Field) -> Filters:
    if not field.present:
        return ()
    return tuple((column, entry.values()) for column, entry in field.named())


def _window(keys: Mapping[str, Field]) -> Window | None:
    start, last = keys["from"], keys["until"]
    if not start.present and not last.present:
        return None
    if not (start.present and last.present):
        (start if start.present else last).expect("both from and until, or neither")
        return None
    return Window(from_s=start.day(), until_s=last.day() + DAY_S)


def _match_rate(field: Field) -> Question:
    keys = field.table()
    names = keys["datasets"].values()
    return MatchRate(datasets=(names[0], names[-1]), by=_names(keys["by"]))


def _segment_size(field: Field) -> Question:
    keys = field.table()
    return SegmentSize(datasets=_names(keys["datasets"]), by=_names(keys["by"]))


def _sales_lift(field: Field) -> Question:
    keys = field.table()
    return SalesLift(
        exposures=keys["exposures"].label(),
        sales=keys["sales"].label(),
        outcome=keys["outcome"].column(),
        by=_names(keys["by"]),
        window=_window(keys),
        filters=_filters(keys["filters"]),
        design=keys["design"].choice(Design) if keys["design"].present else Design.RANDOMIZED,
        bound=keys["bound"].integer() if keys["bound"].present else None,
    )


def _overlap(field: Field) -> Question:
    keys = field.table()
    return Overlap(hub=keys["hub"].label(), others=_names(keys["others"]), by=_names(keys["by"]))


def _contribution_bound(field: Field) -> Question:
    keys = field.table()
    return ContributionBound(
        dataset=keys["dataset"].label(),
        measure=keys["measure"].column(),
        quantile=QUANTILE,
        grid=(1, keys["up_to"].integer()),
    )


def _ropo(field: Field) -> Question:
    keys = field.table()
    return Ropo(
        definition=keys["definition"].choice(RopoDefinition),
        exposures=keys["exposures"].label(),
        sales=keys["sales"].label(),
        days=keys["days"].integer(),
        measure=keys["measure"].column() if keys["measure"].present else None,
        by=_names(keys["by"]),
        window=_window(keys),
        filters=_filters(keys["filters"]),
    )


READERS: Mapping[str, Callable[[Field], Question]] = MappingProxyType(
    {
        "match_rate": _match_rate,
        "segment_size": _segment_size,
        "sales_lift": _sales_lift,
        "overlap": _overlap,
        "contribution_bound": _contribution_bound,
        "ropo": _ropo,
    }
)
