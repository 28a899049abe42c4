"""One cell of a lift in plain words; knows no service.

Reads figures by name, so that every design and adjustment is told by what it releases.
"""

from __future__ import annotations

from types import MappingProxyType

from cleanroom_client.measurement import CellResult, Measurement
from cleanroom_client.spoken import more_or_less, more_or_less_interval, said

_RANDOM = "randomized"
_DIFFERENCE = ("absolute_lift", "itt", "absolute_difference")
_RELATIVE = ("relative_lift", "relative_itt", "relative_difference")
_TOTAL = ("incremental_total", "total_difference")
_SHARE = "{test} of {one} {verb}, {control} of {other}"
_VERBS = MappingProxyType({"new buyers": "bought for the first time", "repeat buyers": "came back"})
_FORMS = MappingProxyType(
    {
        "mean": "{outcome} per person was {test} in {one}, {control} in {other}",
        "average_order": "an order was {test} in {one}, {control} in {other}",
        "mean_change": "{outcome} per person changed by {test} in {one}, {control} in {other}",
    }
)


def lift_in_words(measurement: Measurement, cell: CellResult) -> str:
    """Return one to three sentences on a cell that is not suppressed."""
    lift = cell.first(*_DIFFERENCE)
    if lift is None or lift.value is None or lift.low is None or lift.high is None:
        why = "it was not asked" if lift is None else lift.undefined
        return f"no difference is given, because {why}."
    unit = "percentage points" if lift.unit == "share" else ""
    sure = f"{level_of(measurement)} interval {more_or_less_interval(lift, unit)}"
    if lift.low <= 0 <= lift.high:
        return (
            f"{_arms(measurement, cell)}; chance and noise alone can make such a difference "
            f"({sure}). It does not show that there is no difference."
        )
    told = f"{_arms(measurement, cell)}: {more_or_less(lift, unit)} ({sure})."
    return " ".join(filter(None, (told, _sums(measurement, cell), _compliers(cell, unit))))


def _arms(measurement: Measurement, cell: CellResult) -> str:
    """Return how the arms compare, in what this design and adjustment release of them."""
    one, other = _groups(measurement)
    outcome = str(measurement.question["outcome"]).replace("_", " ")
    for kind, form in _FORMS.items():
        test = cell.first(f"{kind}_test", f"{kind}_exposed")
        control = cell.first(f"{kind}_control", f"{kind}_unexposed")
        if test is not None and control is not None:
            chosen = _SHARE if test.unit == "share" and kind == "mean" else form
            return chosen.format(
                outcome=outcome,
                verb=_VERBS.get(outcome, "bought"),
                test=said(test),
                control=said(control),
                one=one,
                other=other,
            )
    return f"{outcome} of {one} compares with that of {other}, adjusted for what was before"


def _groups(measurement: Measurement) -> tuple[str, str]:
    if lacks_assignment(measurement):
        return "those exposed", "those not exposed"
    return "the test arm", "control"


def lacks_assignment(measurement: Measurement) -> bool:
    """Tell whether nobody drew the arms by chance."""
    return not str(measurement.design).startswith(_RANDOM)


def _sums(measurement: Measurement, cell: CellResult) -> str:
    """Return the lift over the people of the test arm, and relative to control."""
    total, relative = cell.first(*_TOTAL), cell.first(*_RELATIVE)
    one, other = _groups(measurement)
    parts = []
    if total is not None and total.value is not None:
        parts.append(f"{more_or_less(total)} over all of {one} ({more_or_less_interval(total)})")
    if relative is not None and relative.value is not None:
        parts.append(f"{more_or_less(relative)} than {other} ({more_or_less_interval(relative)})")
    elif relative is not None:
        parts.append(f"not given relative to {other}, because {relative.undefined}")
    return f"That is {', and '.join(parts)}." if parts else ""


def _compliers(cell: CellResult, unit: str) -> str:
    cace = cell.first("cace")
    if cace is None:
        return ""
    if cace.value is None:
        return f"What it did to those it reached is not given, because {cace.undefined}."
    sure = more_or_less_interval(cace, unit)
    return (
        f"Among those whom it reached because they were assigned: {more_or_less(cace, unit)} "
        f"({sure})."
    )


def level_of(measurement: Measurement) -> str:
    """Return the level of the intervals: `95%`."""
    return f"{100 * measurement.level:g}%"
