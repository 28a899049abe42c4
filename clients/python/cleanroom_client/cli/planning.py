"""What the plan commands share: reading assumptions and wishes from options, showing the plan."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import typer

from cleanroom_client.aim import Assume, Wish
from cleanroom_client.cli.figures import plan_footer, plan_table
from cleanroom_client.cli.outlook import expected_footer, expected_table
from cleanroom_client.cli.output import say, say_json, show
from cleanroom_client.cli.state import settings_of
from cleanroom_client.plan import Plan
from cleanroom_client.question import Loss, Question

Assumed = Annotated[
    str | None,
    typer.Option(
        "--assume",
        metavar="NAME=N,...",
        help="Your guess, for precision: people (of an arm or cell), rate; mean,sd; matched.",
    ),
]
Wished = Annotated[
    str | None,
    typer.Option("--wish", metavar="FIGURE=N", help="Find the least loss for +-N, as assumed."),
]
Power = Annotated[float, typer.Option(help="How surely the smallest lift is to be seen.")]
Significance = Annotated[float, typer.Option(help="Of the two-sided test that sees it.")]

POWER, SIGNIFICANCE = 0.8, 0.05
_WHOLE = ("people", "matched")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """The options of a plan, as typed."""

    assume: str | None
    wish: str | None
    power: float = POWER
    significance: float = SIGNIFICANCE


def plan_and_show(
    context: typer.Context, question: Question, loss: Loss, aimed: Aimed, *, as_json: bool
) -> None:
    """Plan a question and print the plan as asked."""
    assume, wish = assumption_of(aimed.assume), wish_of(aimed.wish)
    with settings_of(context).room() as room:
        plan = room.plan(
            question,
            epsilon=loss.epsilon,
            rho=loss.rho,
            assume=assume,
            wish=wish,
            power=aimed.power if assume else None,
            significance=aimed.significance if assume else None,
        )
    if as_json:
        say_json(plan.to_dict())
        return
    show(plan_table(plan))
    show_expected(plan, question, aimed)
    say(plan_footer(plan))


def show_expected(plan: Plan, question: Question, aimed: Aimed) -> None:
    """Print what the plan would bring, where something is assumed."""
    assume, wish = assumption_of(aimed.assume), wish_of(aimed.wish)
    if assume:
        show(expected_table(plan, assume, question))
        say(expected_footer(plan, wish, power=aimed.power, significance=aimed.significance))


def assumption_of(text: str | None) -> Assume | None:
    """Return the assumption of text such as `people=10000,rate=0.02`."""
    if text is None:
        return None
    names = [field.name for field in fields(Assume)]
    numbers: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name not in names or name in numbers:
            raise typer.BadParameter(f"--assume {part}: expected each once of {', '.join(names)}")
        numbers[name] = _number("--assume", part, value)
    if "people" not in numbers:
        raise typer.BadParameter("--assume: expected people=N, those of an arm or a cell")
    whole = {name: int(numbers.pop(name)) for name in _WHOLE if name in numbers}
    return Assume(**whole, **numbers)  # type: ignore[arg-type]  # the names are its own


def wish_of(text: str | None) -> Wish | None:
    """Return the wish of text such as `absolute_lift=0.005`."""
    if text is None:
        return None
    figure, _, value = text.partition("=")
    return Wish(figure.strip().replace(" ", "_"), _number("--wish", text, value))


def _number(option: str, part: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise typer.BadParameter(f"{option} {part}: expected NAME=NUMBER") from None
