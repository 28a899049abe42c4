"""Whether a measurement answers the question that was asked; knows no service and no receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.designs import ADJUSTMENTS, DESIGNS

_POPULATIONS = {
    pb.POPULATION_UNSPECIFIED: "all",
    pb.POPULATION_ALL: "all",
    pb.POPULATION_MATCHED: "matched",
}
_DESIGNS = {pb.DESIGN_UNSPECIFIED: "randomized", **{n: w for w, n in DESIGNS.items()}}
_ADJUSTMENTS = {pb.ADJUSTMENT_UNSPECIFIED: "none", **{n: w for w, n in ADJUSTMENTS.items()}}
_DEFINITIONS = {
    pb.ROPO_DEFINITION_SHARE_OF_SALES: "share_of_sales",
    pb.ROPO_DEFINITION_CONVERSION: "conversion",
}


def answers(analysis: pb.Analysis, collaboration: str, told: Mapping[str, Any]) -> bool:
    """Return whether the question `told` by a measurement is the one asked.

    The service tells a question as the policy resolved it: dimensions are qualified by their
    dataset, and what has no order is sorted.
    """
    kind = analysis.WhichOneof("question")
    if (analysis.collaboration, kind) != (collaboration, told.get("kind")):
        return False
    asked = getattr(analysis, str(kind))
    if isinstance(asked, pb.ContributionBound):
        return _same_contribution(asked, told)
    if not _same_dimensions(asked.by, told["by"]):
        return False
    if isinstance(asked, pb.Overlap):
        return (asked.hub, sorted(asked.others)) == (told["hub"], list(told["others"]))
    if isinstance(asked, pb.Ropo):
        return _same_ropo(asked, told)
    if not _same_buckets(asked, told["buckets"]):
        return False
    if isinstance(asked, pb.SalesLift):
        return _same_lift(asked, told)
    return sorted(asked.datasets) == list(told["datasets"])


def _same_dimensions(asked: Iterable[str], told: Iterable[str]) -> bool:
    """Compare names as far as they were qualified in the question."""
    left = list(told)
    for name in asked:
        found = [t for t in left if name in (t, t.rpartition(".")[2])]
        if len(found) != 1:
            return False
        left.remove(found[0])
    return not left


def _same_buckets(asked: Any, told: Iterable[Mapping[str, Any]]) -> bool:
    left = list(told)
    for one in asked.buckets:
        wanted = {"edges": list(one.edges), **_events(one)}
        found = [
            t
            for t in left
            if one.dimension in (t["dimension"], t["dimension"].rpartition(".")[2])
            and {name: t.get(name) for name in wanted} == wanted
        ]
        if len(found) != 1:
            return False
        left.remove(found[0])
    return not left


def _same_lift(asked: pb.SalesLift, told: Mapping[str, Any]) -> bool:
    if not _same_dimensions(asked.strata, told["strata"]):
        return False
    if asked.exposed_by not in ("", told["exposed_by"]):  # empty: the only one, if it is needed
        return False
    wanted = {
        "exposures": asked.exposures,
        "sales": asked.sales,
        "outcome": asked.outcome,
        **_events(asked),
        "before": _window(asked.before) if asked.HasField("before") else None,
        "population": _POPULATIONS[asked.population],
        "design": _DESIGNS[asked.design],
        "adjustment": _ADJUSTMENTS[asked.adjustment],
        # Without a bound the policy's is told, which only the service knows.
        **({"bound": asked.bound} if asked.bound else {}),
    }
    return {name: told.get(name) for name in wanted} == wanted


def _same_contribution(asked: pb.ContributionBound, told: Mapping[str, Any]) -> bool:
    wanted = {
        "dataset": asked.dataset,
        "measure": asked.measure,
        "grid": list(asked.grid),
        **_events(asked),
    }
    same = {name: told.get(name) for name in wanted} == wanted
    return same and Decimal(asked.quantile) == Decimal(told["quantile"])


def _same_ropo(asked: pb.Ropo, told: Mapping[str, Any]) -> bool:
    wanted = {
        "definition": _DEFINITIONS[asked.definition],
        "exposures": asked.exposures,
        "sales": asked.sales,
        "days": asked.days,
        "measure": asked.measure or None,
        **_events(asked),
    }
    return {name: told.get(name) for name in wanted} == wanted


def _events(asked: pb.SalesLift | pb.Buckets | pb.ContributionBound | pb.Ropo) -> dict[str, Any]:
    """Return which events count, as a measurement tells it."""
    return {
        "window": _window(asked.window) if asked.HasField("window") else None,
        "filters": sorted([f.column, sorted(set(f.values))] for f in asked.filters),
    }


def _window(asked: pb.Window) -> dict[str, int]:
    return {"from_s": asked.from_s, "until_s": asked.until_s}
