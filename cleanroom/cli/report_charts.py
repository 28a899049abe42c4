"""Charts as inline SVG and bars: no script, nothing fetched; must not know what they show.

Each bar is a link to the entries behind it and says itself in words; the numbers stand in a table
beside every chart, so that nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from cleanroom.analysis.log_report import Number
from cleanroom.cli.report_parts import Sources, el

_WIDTH, _HEIGHT = 760, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 12, 34
_MOST_BAR: Final = 64.0  # wide: two days must not look like a wall
_COLOURS: Final = 8
_LABELS: Final = 8  # at most, below the axis
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What one colour stands for: a number for each position, None where there is none."""

    name: str
    numbers: tuple[Number | None, ...]


def over_time(
    title: str, starts: Sequence[str], series: Sequence[Series], sources: Sources
) -> Element:
    """Return stacked bars, one for each start, with their legend."""
    tops = [sum(n.value for s in series if (n := s.numbers[i])) for i in range(len(starts))]
    unit = _unit(max(tops, default=1))
    most = -(-max(1, *tops, 1) // unit) * unit
    drawing = el(
        "svg",
        el("title", title),
        *_grid(most, unit),
        *_bars(starts, series, most, sources),
        *_days(starts),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=title,
    )
    return el(
        "figure",
        el("figcaption", title),
        legend([s.name for s in series]),
        el("div", drawing, class_="wide", tabindex="0", role="region"),
    )


def legend(names: Sequence[str]) -> Element:
    """Return what the colours stand for, in their order."""
    items = (
        el("li", el("span", class_=f"key c{i % _COLOURS}"), name) for i, name in enumerate(names)
    )
    return el("ul", *items, class_="legend")


def bar(parts: Sequence[tuple[int, int, str]], whole: int) -> Element:
    """Return one flat bar; `parts` are (colour, amount, words), of `whole`."""
    told = "; ".join(words for _, _, words in parts)
    spans = (
        el("span", class_=f"c{colour}", style=f"width:{100 * amount / max(1, whole):.3f}%")
        for colour, amount, _ in parts
        if amount > 0
    )
    return el("div", *spans, class_="bar", role="img", aria_label=told, title=told)


def _unit(most: int) -> int:
    """Return a round distance of grid lines that makes about four of them."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power * 4 >= most:
                return step * power
        power *= 10


def _y(value: float, most: int) -> float:
    return _HEIGHT - _BOTTOM - value / most * (_HEIGHT - _TOP - _BOTTOM)


def _grid(most: int, unit: int) -> list[Element]:
    lines = []
    for value in range(0, most + 1, unit):
        y = f"{_y(value, most):.1f}"
        lines.append(el("line", x1=f"{_LEFT}", x2=f"{_WIDTH - _RIGHT}", y1=y, y2=y, class_="grid"))
        lines.append(el("text", f"{value:,}", x=f"{_LEFT - 6}", y=y, dy="4", class_="end"))
    return lines


def _slot(count: int) -> float:
    return (_WIDTH - _LEFT - _RIGHT) / max(1, count)


def _bars(
    starts: Sequence[str], series: Sequence[Series], most: int, sources: Sources
) -> list[Element]:
    slot = _slot(len(starts))
    width = min(_MOST_BAR, slot * 0.8)
    drawn = []
    for position, start in enumerate(starts):
        below = 0
        for colour, one in enumerate(series):
            number = one.numbers[position]
            if number is None or not number.value:
                continue
            words = f"{start}, {one.name}: {number.value:,}"
            high, low = _y(below + number.value, most), _y(below, most)
            shape = el(
                "rect",
                el("title", words),
                x=f"{_LEFT + (position + 0.5) * slot - width / 2:.1f}",
                y=f"{high:.1f}",
                width=f"{width:.1f}",
                height=f"{low - high:.1f}",
                class_=f"c{colour % _COLOURS}",
            )
            place = sources.place(
                f"questions, {start}, {one.name}", f"{number.value:,}", number.entries
            )
            drawn.append(el("a", shape, href=place, aria_label=words))
            below += number.value
    return drawn


def _days(starts: Sequence[str]) -> list[Element]:
    slot, every = _slot(len(starts)), -(-len(starts) // _LABELS)
    return [
        el(
            "text",
            start,
            x=f"{_LEFT + (position + 0.5) * slot:.1f}",
            y=f"{_HEIGHT - _BOTTOM + 18}",
            class_="mid",
        )
        for position, start in enumerate(starts)
        if position % max(1, every) == 0
    ]
