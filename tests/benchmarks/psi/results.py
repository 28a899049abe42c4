"""What one system did on one pair of files, and the Markdown table of several."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.psi.costs import Cost

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A system's cost, or why there is none; `stages` and `found` where it says them."""

    name: str
    version: str = ""
    cost: Cost | None = None
    missing: str = ""
    stages: Mapping[str, Cost] = field(default_factory=dict)
    found: str = ""
    leaks: str = ""


def fastest(results: Sequence[Result]) -> Result:
    """Return the run with the least wall time of several runs of one system."""
    timed = [result for result in results if result.cost is not None]
    return min(timed, key=lambda r: r.cost.wall_s, default=results[-1])


def report(people: int, results: Sequence[Result], rounds: int) -> str:
    """Return the section of one size: the systems beside each other, then our stages."""
    return "\n".join([*_section(people, results, rounds), ""])


def heading() -> str:
    """Return the title and the machine: what figures of another run cannot be compared without."""
    model, flags = _processor()
    vectors = [name for name in ("avx2", "avx512f", "avx512ifma") if name in flags]
    return (
        "# Private set intersection, end to end\n\n"
        f"{model}, {os.cpu_count()} processors, {', '.join(vectors) or 'no vector extension'}; "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}.\n"
        "All systems ran one after another in this run, on the same files.\n"
    )


def _section(people: int, results: Sequence[Result], rounds: int) -> Iterator[str]:
    ours = next((r.cost for r in results if r.name == "ours"), None)
    yield f"## {people:,} a side, 50 % overlap\n"
    yield f"The fastest of {rounds} by wall time." if rounds > 1 else "One run each."
    yield "A ratio is the system's figure over ours. Memory is the largest process's. Others is the"
    yield "share of the machine that other programs took: above a few percent, compare CPU.\n"
    yield "| system | wall | CPU | memory | wall ratio | CPU ratio | others | found | leaks |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for result in results:
        yield _row(result, ours)
    for result in results:
        if result.stages:
            yield from _stages(result)


def _row(result: Result, ours: Cost | None) -> str:
    name = f"{result.name} ({result.version})" if result.version else result.name
    if result.cost is None:
        return f"| {name} | {result.missing} | | | | | | | {result.leaks} |"
    cost = result.cost
    cells = (
        name,
        f"{cost.wall_s:.2f} s",
        f"{cost.cpu_s:.2f} s",
        f"{cost.peak_bytes / _MEGABYTE:,.0f} MB",
        _ratio(cost.wall_s, ours.wall_s if ours else None),
        _ratio(cost.cpu_s, ours.cpu_s if ours else None),
        f"{cost.others:.0%}",
        result.found,
        result.leaks,
    )
    return f"| {' | '.join(cells)} |"


def _ratio(theirs: float, ours: float | None) -> str:
    return f"{theirs / ours:.2f}" if ours else ""


def _stages(result: Result) -> Iterator[str]:
    yield f"\nThe stages of {result.name}: both parties at once, the server's share included.\n"
    yield "| stage | wall | CPU | memory | others |"
    yield "|---|---|---|---|---|"
    for stage, cost in result.stages.items():
        peak = f"{cost.peak_bytes / _MEGABYTE:,.0f} MB"
        yield f"| {stage} | {cost.wall_s:.2f} s | {cost.cpu_s:.2f} s | {peak} | {cost.others:.0%} |"


def _processor() -> tuple[str, frozenset[str]]:
    """Return the model's name and its flags, as far as Linux tells them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    known = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    return known.get("model name", platform.machine()), frozenset(known.get("flags", "").split())
