"""The demo's tables and lines for a reader who measures campaigns; must not run anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from cleanroom.demo.questions import DemoQuestion, Truth

_NANO = 10**9
_WIDTH_OF_A_FILE = 120
_LIFT = "absolute_lift"
_FIGURE_COLUMNS = {
    "figure": 22,
    "planted truth": 14,
    "in these files": 14,
    "released": 14,
    "95 % interval": 30,
    "inside?": 7,
}
_NAMES = {
    "matched": "people in both",
    "people": "people in both",
    "share_email": "share matched by e-mail",
    "share_phone": "share matched by phone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A released figure beside its truth; `released` is as in the measurement."""

    question: DemoQuestion
    where: tuple[str, ...]
    name: str
    truth: Truth
    released: Mapping[str, Any]

    @property
    def inside(self) -> bool | None:
        """Whether the interval contains the planted truth; None for a figure without value."""
        if self.released["value"] is None:
            return None
        low, high = float(self.released["low"]), float(self.released["high"])
        return low <= self.truth.planted <= high


def compared(question: DemoQuestion, measurement: Mapping[str, Any]) -> Iterator[Compared]:
    """Yield the figures of a measurement that have a truth, in the measurement's order."""
    for cell in measurement["cells"]:
        where = tuple(cell["cell"])
        for figure in cell["figures"]:
            truth = question.figures.get((where, figure["name"]))
            if truth is not None:
                yield Compared(
                    question=question,
                    where=where,
                    name=figure["name"],
                    truth=truth,
                    released=figure,
                )


def console() -> Console:
    """Return a console on stdout, wide where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_WIDTH_OF_A_FILE)


def figures_tables(rows: Sequence[Compared]) -> Iterator[Table]:
    """Yield a table for each question, in order, with the columns at the same places."""
    questions = dict.fromkeys(row.question.title for row in rows)
    for place, title in enumerate(questions):
        mine = [row for row in rows if row.question.title == title]
        table = Table(
            title=Text(f"{mine[0].question.asker} asks: {title}", style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_header=place == 0,
        )
        for column, width in _FIGURE_COLUMNS.items():
            justify: JustifyMethod = "left" if column in {"figure", "inside?"} else "right"
            table.add_column(column, justify=justify, min_width=width)
        for row in mine:
            table.add_row(*_cells(row))
        yield table


def _cells(row: Compared) -> Iterator[Text]:
    released, happened = row.released, row.truth.happened
    yield Text(_label(row))
    yield Text(_number(row, row.truth.planted))
    yield Text("" if happened is None else _number(row, happened))
    if released["value"] is None:
        yield Text("withheld", style="dim")
        yield Text("too few people", style="dim")
        return
    yield Text(_number(row, released["value"]))
    yield Text(" .. ".join(_number(row, released[end], decimals=1) for end in ("low", "high")))
    yield Text("yes", style="green") if row.inside else Text("no", style="yellow")


def _label(row: Compared) -> str:
    if row.name == _LIFT:
        return row.where[0] if row.where else "all cities"
    if row.where:
        return row.where[0]
    return _NAMES.get(row.name) or row.name.replace("match_rate_", "share of ")


def _number(row: Compared, value: float, decimals: int = 0) -> str:
    """Return a value in the words of its figure's unit; money in major units.

    `decimals` are those of counts, whose intervals do not end at whole people.
    """
    unit = row.released["unit"]
    if unit.startswith("minor"):
        return f"{value / 100:+,.2f}"
    if row.name == _LIFT:
        return f"{100 * value:+.2f} points"
    return f"{100 * value:.2f} %" if unit == "share" else f"{value:,.{decimals}f}"


def verdict(rows: Sequence[Compared]) -> str:
    """Return how many intervals contain the truth, and how to read that."""
    judged = [row.inside for row in rows if row.inside is not None]
    return (
        f"{sum(judged)} of {len(judged)} intervals contain the planted truth."
        " Of 95 % intervals one in twenty does not; chance decides which.\n"
        "A lift is planted as an average: 'in these files' is what chance made of it.\n"
    )


def budget_table(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Table:
    """Return each ledger's spent part before and after the questions."""
    columns = ("ledger", "budget", "spent before", "spent after", "left", "as epsilon")
    table = _table("Privacy budgets (rho of zCDP)", columns, numbers=columns[1:])
    for old, new in zip(before, after, strict=True):
        rhos = (
            new["budget_nano_rho"],
            old["spent_nano_rho"],
            new["spent_nano_rho"],
            new["budget_nano_rho"] - new["spent_nano_rho"],
        )
        epsilon = f"{new['spent_epsilon']} of {new['budget_epsilon']}"
        table.add_row(new["ledger"], *map(_exact, rhos), epsilon)
    return table


def _exact(nano_rho: int) -> str:
    """Return nano-rho as exact decimal text: budgets are not rounded."""
    return f"{nano_rho // _NANO}.{nano_rho % _NANO:09d}"


LEARNED = (
    ("acme-brand", "how many of its contacts shop at megamart, and the campaign's lift by city"),
    ("megamart", "how many of its customers the panel knows, by income; nothing of the campaign"),
    ("fiscal-data", "how many of its panel shop at megamart, by e-mail and by phone"),
    (
        "operator",
        "sizes, and which blinded rows are equal; no identifier",
    ),
)


def learned_table() -> Table:
    """Return what each side learned."""
    table = _table("What each side learned, and nothing else", ("who", "what"))
    for row in LEARNED:
        table.add_row(*row)
    return table


def _table(title: str, columns: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    return table
