"""A measurement in plain words for whoever runs the campaign; knows no service.

Says what was found, how sure it is, what it cost in privacy budget and what it does not say.
Only a lift whose arms were drawn at random is worded as an effect.
"""

from __future__ import annotations

from types import MappingProxyType

from cleanroom_client.costs import CellCosts
from cleanroom_client.measurement import CellResult, Figure, Measurement
from cleanroom_client.spoken import more_or_less, more_or_less_interval, said, said_interval

_NANO = 10**9
_MINOR_PER_MAJOR = 100
_NAMES = {"iroas": "iROAS", "romi": "ROMI"}
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
_RANDOM = "randomized"
_SEVERAL = 2


def in_words(measurement: Measurement) -> str:
    """Return a paragraph a line: headline, cells, certainty, cost, limits."""
    return "\n".join(
        (
            _headline(measurement),
            *(_cell(measurement, cell) for cell in measurement.cells),
            _certainty(measurement),
            _paid(measurement),
            _limits(measurement),
        )
    )


def costs_in_words(costs: CellCosts) -> str:
    """Return what a cell's cost brought, in one line."""
    label = f" of {', '.join(costs.cell)}" if costs.cell else ""
    paid = f"{costs.cost_minor / _MINOR_PER_MAJOR:,.2f}"
    parts = "; ".join(_plain(figure) for figure in costs.figures)
    return f"For a cost{label} of {paid}: {parts}."


def _headline(measurement: Measurement) -> str:
    by = f", by {' and '.join(measurement.dimensions)}" if measurement.dimensions else ""
    first, *others = measurement.datasets
    if measurement.family == "sales_lift":
        outcome = measurement.question["outcome"]
        return f"Sales lift on {outcome}{by}: {_design(measurement)}"
    if measurement.family == "match_rate":
        return f"How many people of {first} and {others[0]} are the same{by}?"
    if measurement.family == "segment_size":
        both = f" who are also in {others[0]}" if others else ""
        return f"People of {first}{both}{by}."
    return f"{measurement.family.replace('_', ' ').capitalize()}{by}."


def _design(measurement: Measurement) -> str:
    if measurement.design == _RANDOM:
        return (
            "people came to the test or the control arm by chance, so what differs between the "
            "arms is the work of the campaign."
        )
    return (
        "people were not assigned by chance, so what differs between the groups may come from who "
        "they are; this compares, and credits nothing to the campaign."
    )


def _cell(measurement: Measurement, cell: CellResult) -> str:
    found = _found(measurement, cell)
    return f"{', '.join(cell.cell)}: {found}" if cell.cell else found[:1].upper() + found[1:]


def _found(measurement: Measurement, cell: CellResult) -> str:
    if cell.suppressed:
        line = measurement.suppression_line
        return f"withheld, for too few people (the public line is {line}, noise included)."
    if measurement.family == "sales_lift":
        return _lift(measurement, cell)
    if measurement.family == "match_rate":
        return _match_rate(measurement, cell)
    return _counted(cell)


def _lift(measurement: Measurement, cell: CellResult) -> str:
    lift = cell.first(*_DIFFERENCE)
    if lift is None or lift.value is None or lift.low is None or lift.high is None:
        why = "it was not asked" if lift is None else lift.undefined
        return f"no difference is given, because {why}."
    unit = "percentage points" if lift.unit == "share" else ""
    sure = f"{_level(measurement)} interval {more_or_less_interval(lift, unit)}"
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


def _match_rate(measurement: Measurement, cell: CellResult) -> str:
    rates = [f for f in cell.figures if f.name.startswith("match_rate_")]
    parts = [_rate(measurement, f) for f in rates if f.value is not None]
    matched = cell.figure("matched")
    keys = [f for f in cell.figures if f.name.startswith("share_") and f.value is not None]
    by = "; ".join(f"{said(f)} by {_after(f, 'share_')}" for f in keys)
    found = f"about {said(matched)} people are in both: {', and '.join(parts)}."
    return f"{found} Of these were matched {by}." if len(keys) >= _SEVERAL else found


def _rate(measurement: Measurement, figure: Figure) -> str:
    names = {d.replace("-", "_"): d for d in measurement.datasets}
    slug = figure.name.removeprefix("match_rate_")
    return f"{said(figure)} of {names.get(slug, slug)} ({said_interval(figure)})"


def _counted(cell: CellResult) -> str:
    parts = [_plain(figure) for figure in cell.figures]
    return f"{'; '.join(parts)}."


def _plain(figure: Figure) -> str:
    name = _NAMES.get(figure.name) or figure.name.replace("_", " ")
    if figure.value is None:
        return f"{name} not given, because {figure.undefined}"
    around = f" ({said_interval(figure)})" if figure.low is not None else ""
    if name == "people":
        return f"about {said(figure)} people{around}"
    return f"{name} {said(figure)}{around}"


def _certainty(measurement: Measurement) -> str:
    missed = round(1 / (1 - measurement.level))
    sources = "chance between people and the noise that protects them"
    if measurement.family in {"match_rate", "segment_size"}:
        sources = "the noise that protects people"
    many = (
        "; of several cells, expect that many to miss" if len(measurement.cells) >= _SEVERAL else ""
    )
    return (
        f"How sure: a {_level(measurement)} interval carries {sources}, and misses the truth "
        f"about once in {missed} times{many}."
    )


def _paid(measurement: Measurement) -> str:
    paid = [f"rho {_rho(cost)} of {_ledger(ledger)}" for ledger, cost in measurement.debits]
    told = " and ".join(paid) or "nothing"
    return f"What it cost in privacy budget: {told}. Reading it again costs nothing."


def _level(measurement: Measurement) -> str:
    return f"{100 * measurement.level:g}%"


def _ledger(ledger: str) -> str:
    _, owner, pool = ledger.split("/")
    return f"{owner}'s {pool}"


def _limits(measurement: Measurement) -> str:
    says = "What it does not say: anything of one person"
    if measurement.family != "sales_lift":
        return f"{says}, or who is in both."
    if lacks_assignment(measurement):
        return f"{says}, or what would have been without the campaign."
    return f"{says}, why they bought, or what comes after the days that were counted."


def _rho(nano_rho: int) -> str:
    return f"{nano_rho / _NANO:.9f}".rstrip("0").rstrip(".")


def _after(figure: Figure, prefix: str) -> str:
    return figure.name.removeprefix(prefix).replace("_", " ")
