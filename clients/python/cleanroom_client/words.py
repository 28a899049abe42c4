"""A measurement in plain words for whoever runs the campaign; knows no service.

Says what was found, how sure it is, what it cost in privacy budget and what it does not say.
Only a lift whose arms were drawn at random is worded as an effect.
"""

from __future__ import annotations

from cleanroom_client.costs import CellCosts
from cleanroom_client.lift_words import lacks_assignment, level_of, lift_in_words
from cleanroom_client.measurement import CellResult, Figure, Measurement
from cleanroom_client.ropo_words import CONVERSION, ropo_headline, ropo_in_words
from cleanroom_client.spoken import said, said_interval

_NANO = 10**9
_MINOR_PER_MAJOR = 100
_NAMES = {"iroas": "iROAS", "romi": "ROMI", "roas": "ROAS"}
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
    kind = _kind(measurement)
    if kind == "sales_lift":
        outcome = measurement.question["outcome"]
        return f"Sales lift on {outcome}{by}: {_design(measurement)}"
    if kind == "match_rate":
        return f"How many people of {first} and {others[0]} are the same{by}?"
    if kind == "segment_size":
        both = f" who are also in {others[0]}" if others else ""
        return f"People of {first}{both}{by}."
    if kind == "overlap":
        hub, known = measurement.question["hub"], " and ".join(measurement.question["others"])
        return f"People of {hub} by which of {known} know them{by}."
    if kind == "ropo":
        return f"{ropo_headline(measurement)}{by}?"
    if kind == "contribution_bound":
        measure = str(measurement.question["measure"]).replace("_", " ")
        return f"Where to clip {measure} of {first}."
    return f"{kind.replace('_', ' ').capitalize()}{by}."


def _kind(measurement: Measurement) -> str:
    """Return what was asked: one family may be that of several questions."""
    return str(measurement.question["kind"])


def _design(measurement: Measurement) -> str:
    if not lacks_assignment(measurement):
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
    kind = _kind(measurement)
    if kind == "sales_lift":
        return lift_in_words(measurement, cell)
    if kind == "match_rate":
        return _match_rate(measurement, cell)
    if kind == "ropo":
        return ropo_in_words(measurement, cell)
    return _counted(cell)


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
    sources = "the noise that protects people"
    if _is_sampled(measurement):
        sources = "chance between people and the noise that protects them"
    many = (
        "; of several cells, expect that many to miss" if len(measurement.cells) >= _SEVERAL else ""
    )
    return (
        f"How sure: a {level_of(measurement)} interval carries {sources}, and misses the truth "
        f"about once in {missed} times{many}."
    )


def _is_sampled(measurement: Measurement) -> bool:
    """Tell whether a figure is a mean of people, who might have been others."""
    kind, definition = _kind(measurement), measurement.question.get("definition")
    return kind == "sales_lift" or (kind, definition) == ("ropo", CONVERSION)


def _paid(measurement: Measurement) -> str:
    paid = [f"rho {_rho(cost)} of {_ledger(ledger)}" for ledger, cost in measurement.debits]
    told = " and ".join(paid) or "nothing"
    return f"What it cost in privacy budget: {told}. Reading it again costs nothing."


def _ledger(ledger: str) -> str:
    _, owner, pool = ledger.split("/")
    return f"{owner}'s {pool}"


def _limits(measurement: Measurement) -> str:
    says = "What it does not say: anything of one person"
    kind = _kind(measurement)
    if kind == "contribution_bound":
        return f"{says}, or what those above it add up to."
    if kind == "ropo":
        return f"{says}, or what would have been purchased without the contacts."
    if kind != "sales_lift":
        return f"{says}, or who is in both."
    if lacks_assignment(measurement):
        return f"{says}, or what would have been without the campaign."
    return f"{says}, why they bought, or what comes after the days that were counted."


def _rho(nano_rho: int) -> str:
    return f"{nano_rho / _NANO:.9f}".rstrip("0").rstrip(".")


def _after(figure: Figure, prefix: str) -> str:
    return figure.name.removeprefix(prefix).replace("_", " ")
