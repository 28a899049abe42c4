"""What a plan would bring under an assumption, for people; knows no service."""

from __future__ import annotations

from rich.table import Table

from cleanroom_client.aim import Assume, Wish
from cleanroom_client.cli.figures import decimals_of, number, words_of
from cleanroom_client.cli.output import add_row, table_of
from cleanroom_client.measurement import Figure
from cleanroom_client.plan import DetectableLift, ExpectedFigure, Plan
from cleanroom_client.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Question,
    Ropo,
    SalesLift,
    SegmentSize,
)

_NONE = "-"
_WIDTH = 80


def expected_table(plan: Plan, assume: Assume, question: Question) -> Table:
    """Return a row for each figure: what would be expected, and how far its interval reaches."""
    reach = f"{plan.level:.0%} within +-"
    numbers = ("expected", reach, "noise sd", "chance se")
    table = table_of(_title(question, assume), ("figure", *numbers), numbers=numbers)
    for figure in plan.expected:
        add_row(table, words_of(figure.name), *_row(figure))
    return table


def _title(question: Question, assume: Assume) -> str:
    people, matched = f"{assume.people:,} people", f"{assume.matched or 0:,} matched"
    match question:
        case SalesLift():
            return f"if each arm of a cell has {people}, and nothing is lifted"
        case MatchRate():
            return f"if a cell has {people} of each dataset, {matched}"
        case Overlap(hub=hub):
            return f"if a cell has {people} of {hub}, {matched} in each other dataset"
        case Ropo(definition="conversion"):
            return f"if a cell has {people} with a contact"
        case Ropo():
            return f"if a cell has {people} who purchase"
        case SegmentSize() | ContributionBound():
            return f"if a cell has {people}"


def _row(expected: ExpectedFigure) -> tuple[str, ...]:
    if expected.value is None:
        return _NONE, "", "", ""
    figure = _figure(expected)
    fine = decimals_of(figure, whole=False)
    chance = number(figure, expected.sampling_se, fine)
    value = number(figure, expected.value, decimals_of(figure))
    noise, half = (number(figure, n, fine) for n in (expected.noise_sd, expected.half_width))
    return value, half, noise, chance


def _figure(expected: ExpectedFigure) -> Figure:
    """Return it as a figure, to be shown as one."""
    return Figure(
        name=expected.name,
        unit=expected.unit,
        value=expected.value,
        low=None,
        high=None,
        noise_sd=expected.noise_sd,
        sampling_se=expected.sampling_se,
        undefined=expected.undefined,
    )


def expected_footer(plan: Plan, wish: Wish | None, *, power: float, significance: float) -> str:
    """Return what else the assumption brings, a sentence a line."""
    test = f"two-sided at {significance:g}, power {power:g}"
    lines = [_reason(f) for f in plan.expected if f.value is None]
    lines += [f"Smallest lift told from none ({test}):\n  {_lift(d)}." for d in plan.detectable]
    if plan.suppressed:
        lines.append("A cell of so few people would rather be suppressed: see the line below.")
    if wish is not None:
        lines.append(
            f"The least loss for {words_of(wish.figure)} within +-{wish.half_width:g}:"
            f"\n  ask with --rho {plan.rho}"
        )
    return "\n".join(lines) or "As assumed; the people are not looked at."


def _reason(figure: ExpectedFigure) -> str:
    name, why = f"{_NONE} {words_of(figure.name)}:", f"{figure.undefined}."
    apart = "\n  " if len(name) + len(why) >= _WIDTH else " "
    return f"{name}{apart}{why}"


def _lift(found: DetectableLift) -> str:
    name = words_of(found.figure)
    if found.absolute is None:
        return f"{name}: {found.undefined}"
    relative = "" if found.relative is None else f", {found.relative:.1%} of what is without it"
    return f"{name} of {_amount(found)}{relative}"


def _amount(found: DetectableLift) -> str:
    value = found.absolute or 0.0
    if found.unit == "share":
        return f"{100 * value:.3g} percentage points"
    if found.unit.startswith("minor"):
        return f"{value / 100:,.2f} per person"
    return f"{value:.4g} {found.unit}"
