"""Options that cut counts and measures into cells: reading them; asks nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from cleanroom_client.buckets import Buckets
from cleanroom_client.cli.questioning import filters_of, names_of

Cuts = Annotated[
    list[str] | None,
    typer.Option(
        "--buckets",
        metavar="NAME=E1,E2",
        help="Cut a count or measure of --by: impressions=1,2,5. Money as 150.00.",
    ),
]
CutWindows = Annotated[
    list[str] | None,
    typer.Option(
        "--buckets-window", metavar="NAME=FROM,UNTIL", help="Sum only events of these days."
    ),
]
CutFilters = Annotated[
    list[str] | None,
    typer.Option("--buckets-filter", metavar="NAME:COLUMN=V1,V2", help="Sum only such events."),
]

_WHOLE = re.compile(r"-?[0-9]{1,12}")
_MONEY = re.compile(r"(-?[0-9]{1,12})\.([0-9]{2})")  # two decimals: major units
_ENDS = 2


def whole_number(text: str, option: str) -> int:
    """Return a number in units as they travel; `150.00` is money, 15000 minor units."""
    text = text.strip()
    if money := _MONEY.fullmatch(text):
        return int(money[1] + money[2])
    if _WHOLE.fullmatch(text):
        return int(text)
    raise typer.BadParameter(f"{option} {text}: expected a whole number, or money as in 150.00")


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """Return the numbers of a list such as `1,2,5`."""
    return tuple(whole_number(one, option) for one in text.split(","))


def buckets_from(
    cuts: Sequence[str] | None, windows: Sequence[str] | None, filters: Sequence[str] | None
) -> dict[str, Buckets]:
    """Return buckets by dimension from the three options, each of which names its dimension."""
    edges = {n: whole_numbers(v, "--buckets") for n, v in _named(cuts, "--buckets", "=").items()}
    spans = {n: _span(n, v) for n, v in _named(windows, "--buckets-window", "=").items()}
    kept = _kept(filters or ())
    for name in (*spans, *kept):
        if name not in edges:
            raise typer.BadParameter(f"{name} has no --buckets to go with")
    return {
        name: Buckets(edges=found, window=spans.get(name), filters=filters_of(kept.get(name, ())))
        for name, found in edges.items()
    }


def _named(texts: Sequence[str] | None, option: str, mark: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or ():
        name, _, value = text.partition(mark)
        if not name or not value or name in found:
            raise typer.BadParameter(f"{option} {text}: expected NAME{mark}..., each name once")
        found[name] = value
    return found


def _span(name: str, text: str) -> tuple[str, str]:
    ends = names_of(text)
    if len(ends) != _ENDS:
        raise typer.BadParameter(f"--buckets-window {name}={text}: expected two days")
    return ends[0], ends[1]


def _kept(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the filters of each dimension, still as texts."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, _, rest = text.partition(":")
        if not name or not rest:
            raise typer.BadParameter(f"--buckets-filter {text}: expected NAME:COLUMN=V1,V2")
        found.setdefault(name, []).append(rest)
    return found
