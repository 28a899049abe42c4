"""One check of the suite: what was measured, the line it may not cross, and how often it lies.

Must not know what is checked. A check raises when its line is crossed, so that a planted bug can
be shown to make it raise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

SLOW = bool(os.environ.get("CLEANROOM_SLOW"))
ALPHA = 1e-9  # of each one-sided confidence bound


class CheckFailed(AssertionError):
    """A check of the suite found the claim broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`statistic <= bound` holds but for chance of `false_alarm` when the claim is true.

    `part` is D1..D6 or the other parts of the suite; `draws` are the noisy releases looked at, 0
    for a check without chance.
    """

    part: str
    name: str
    statistic: float
    bound: float
    draws: int = 0
    false_alarm: float = 0.0

    @property
    def holds(self) -> bool:
        """Not for a statistic that is not a number either."""
        return self.statistic <= self.bound


Watcher = Callable[[Check], None]
_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """Tell `watcher` of every check from now on."""
    _watchers.append(watcher)


def hold(check: Check) -> None:
    """Tell the watchers of a check and raise CheckFailed unless it holds."""
    for watcher in tuple(_watchers):
        watcher(check)
    if not check.holds:
        raise CheckFailed(
            f"{check.part} {check.name}: {check.statistic:.6g} exceeds {check.bound:.6g}"
        )


def hold_twice(measure: Callable[[], Check]) -> None:
    """Hold a check that is measured anew, once, when it misses its line.

    What is broken misses twice; what is not does so with the square of the probability.
    """
    first = measure()
    last = first if first.holds else measure()
    hold(
        Check(
            part=last.part,
            name=last.name,
            statistic=last.statistic,
            bound=last.bound,
            draws=last.draws,
            false_alarm=last.false_alarm**2,
        )
    )


def sized(slow: float, fast: float) -> float:
    """Return the size of this run."""
    return slow if SLOW else fast
