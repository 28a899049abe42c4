"""Whether a measurement answers the question that was asked; knows no service and no receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def answers(analysis: pb.Analysis, collaboration: str, told: Mapping[str, Any]) -> bool:
    """Return whether the question `told` by a measurement is the one asked.

    The service tells a question as the policy resolved it: dimensions are qualified by their
    dataset, and what has no order is sorted.
    """
    family = analysis.WhichOneof("question")
    if (analysis.collaboration, family) != (collaboration, told.get("family")):
        return False
    asked = getattr(analysis, str(family))
    if not _same_dimensions(asked.by, told["by"]):
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


def _same_lift(asked: pb.SalesLift, told: Mapping[str, Any]) -> bool:
    if not _same_dimensions(asked.strata, told["strata"]):
        return False
    if asked.exposed_by not in ("", told["exposed_by"]):  # empty: the only one, if it is needed
        return False
    filters = sorted([f.column, sorted(set(f.values))] for f in asked.filters)
    wanted = {
        "exposures": asked.exposures,
        "sales": asked.sales,
        "outcome": asked.outcome,
        "window": _window(asked.window) if asked.HasField("window") else None,
        "before": _window(asked.before) if asked.HasField("before") else None,
        "filters": filters,
        "population": _POPULATIONS[asked.population],
        "design": _DESIGNS[asked.design],
        "adjustment": _ADJUSTMENTS[asked.adjustment],
    }
    return {name: told.get(name) for name in wanted} == wanted


def _window(asked: pb.Window) -> dict[str, int]:
    return {"from_s": asked.from_s, "until_s": asked.until_s}
