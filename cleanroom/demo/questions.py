"""What is asked in the demo, by whom, and which planted truths the answers are held against.

Must not know how a command is run or how a table looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanroom.demo import truth
from cleanroom.demo.campaign import PROMOTED, Campaign
from cleanroom.demo.generate import Files

Cell = tuple[str, ...]
ALL: Cell = ()
LIFT_BY_CITY = 3  # the place among the questions of the one that is told in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a figure is compared with: `planted`, and for lifts what happened in these files."""

    planted: float
    happened: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoQuestion:
    """A question as words for people and as arguments for `cleanroom-client`.

    `figures` maps a cell and a figure's name to its truth; figures left out are not compared.
    """

    asker: str
    title: str
    arguments: tuple[str, ...]
    figures: Mapping[tuple[Cell, str], Truth]


def questions(files: Files) -> tuple[DemoQuestion, ...]:
    """Return the questions in the order in which they are asked; the first is asked twice."""
    return (
        _match("acme-brand", files, "exposures", "sales"),
        _sizes("acme-brand", files, "exposures", "sales", "city"),
        _lift(files, "buyers", ()),
        _lift(files, "buyers", ("city",)),
        _lift(files, "amount", ("city",)),
        _sizes("megamart", files, "panel", "sales", "income"),
        _match("fiscal-data", files, "panel", "sales"),
    )


def refused(campaign: Campaign) -> DemoQuestion:
    """Return a question that the policy does not allow its asker."""
    return DemoQuestion(
        asker="megamart",
        title="megamart asks for the advertiser's lift",
        arguments=_lift_arguments(campaign, "buyers", ()),
        figures={},
    )


def _match(asker: str, files: Files, left: str, right: str) -> DemoQuestion:
    counts = truth.matches(files, left, right)
    matched = counts["matched"]
    shares = {
        f"match_rate_{left}": matched / counts[f"people_{left}"],
        f"match_rate_{right}": matched / counts[f"people_{right}"],
        "share_email": counts["matched_email"] / matched,
        "share_phone": counts["matched_phone"] / matched,
    }
    return DemoQuestion(
        asker=asker,
        title=f"How many people of {left} and {right} are the same?",
        arguments=("match-rate", "--datasets", f"{left},{right}"),
        figures={(ALL, name): Truth(planted=value) for name, value in shares.items()}
        | {(ALL, "matched"): Truth(planted=matched)},
    )


def _sizes(asker: str, files: Files, left: str, right: str, by: str) -> DemoQuestion:
    sizes = truth.sizes(files, left, right, by)
    return DemoQuestion(
        asker=asker,
        title=f"How many people of {left} are in {right}, by {by}?",
        arguments=("segment-size", "--datasets", f"{left},{right}", "--by", by),
        figures={(cell, "people"): Truth(planted=count) for cell, count in sizes.items()},
    )


def _lift(files: Files, outcome: str, by: tuple[str, ...]) -> DemoQuestion:
    found = truth.lifts(files, outcome=outcome, by=by)
    what = {"buyers": "how many more people buy", "amount": "how much more does each spend"}
    where = f", by {by[0]}" if by else ""
    return DemoQuestion(
        asker="acme-brand",
        title=f"The campaign: {what[outcome]}{where}?",
        arguments=_lift_arguments(files.campaign, outcome, by),
        figures={
            (cell, "absolute_lift"): Truth(planted=lift.expected, happened=lift.realised)
            for cell, lift in found.items()
        },
    )


def _lift_arguments(campaign: Campaign, outcome: str, by: tuple[str, ...]) -> tuple[str, ...]:
    datasets = ("--exposures", "exposures", "--sales", "sales")
    window = ("--from", campaign.start.isoformat(), "--until", campaign.end.isoformat())
    chosen = ("--filter", f"category={','.join(PROMOTED)}", "--population", "matched")
    cells = ("--by", ",".join(by)) if by else ()
    return ("sales-lift", *datasets, "--outcome", outcome, *window, *chosen, *cells)
