"""When the demo's campaign ran and what it did to purchases: the truth that is planted.

Must not know files or people: a person here is a city and a segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from cleanroom.demo.dice import Floats, Ints

CITIES = ("ufa", "kazan", "samara", "other")
SEGMENTS = ("cooks", "big-spenders", "other")
CITY_SHARES = (0.36, 0.26, 0.20, 0.18)
SEGMENT_SHARES = (0.30, 0.15, 0.55)
OUTCOMES = ("buyers", "amount")
PROMOTED = ("hair-colour", "hair-care")

# Share of people who buy a promoted category without the campaign, by segment.
_BASE = np.array([0.10, 0.16, 0.08])
# What the campaign adds to that share, and to the size of a receipt, by city.
_POINTS = np.array([0.060, 0.030, 0.000, 0.010])
_BASKET = np.array([0.06, 0.03, 0.00, 0.00])

# A buyer has 1 to 4 promoted receipts of 1600.00 to 3000.00 each, all equally likely.
MOST_RECEIPTS = 4
LOW_MINOR, HIGH_MINOR = 160_000, 300_000
# Some receipts are in the file twice, and count twice: the retailer's file says they happened.
REPEATED = 0.003

_DAYS = 30
_REPORTED_AFTER = 15  # days between the end of the measured window and today


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The calendar, from the day on which the question is asked."""

    today: date

    @property
    def end(self) -> date:
        """The first day that is no longer measured."""
        return self.today - timedelta(days=_REPORTED_AFTER)

    @property
    def start(self) -> date:
        """The first day of the campaign and of the window `after`."""
        return self.end - timedelta(days=_DAYS)

    @property
    def before(self) -> date:
        """The first day of the window `before`, which ends where the campaign starts."""
        return self.start - timedelta(days=_DAYS)


def base_share(segment: Ints) -> Floats:
    """Return each person's probability of buying without the campaign."""
    shares: Floats = _BASE[segment]
    return shares


def added_share(city: Ints) -> Floats:
    """Return what the campaign adds to each person's probability of buying."""
    points: Floats = _POINTS[city]
    return points


def basket_factor(city: Ints) -> Floats:
    """Return by what the campaign multiplies each person's receipts."""
    factor: Floats = 1 + _BASKET[city]
    return factor


def expected_effect(outcome: str, city: Ints, segment: Ints) -> Floats:
    """Return what the campaign adds to each person's expected outcome, amounts in minor units.

    Exact for buyers; for amounts to within a few minor units (whole minor units, clipping of
    the few buyers whose repeated receipts pass the bound).
    """
    if outcome == "buyers":
        return added_share(city)
    receipts = (1 + MOST_RECEIPTS) / 2 * (1 + REPEATED)
    spend = receipts * (LOW_MINOR + HIGH_MINOR) / 2
    base = base_share(segment)
    effect: Floats = spend * ((base + added_share(city)) * basket_factor(city) - base)
    return effect
