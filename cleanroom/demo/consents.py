"""The consent columns of made-up people; must not know keys or purchases."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cleanroom.demo.campaign import Campaign
from cleanroom.demo.dice import Dice, Ints, chance, picks

COLUMNS = ("purposes", "consent_at", "consent_until")
_PURPOSES = (
    "measurement segmentation",
    "measurement",
    "Measurement; segmentation",
    "storage,measurement",
    "segmentation",
    "",
)
_WEIGHTS = (0.50, 0.28, 0.10, 0.06, 0.03, 0.03)
_EXPIRED = 0.02


def consents(dice: Dice, campaign: Campaign, people: int) -> pd.DataFrame:
    """Return one row for each person: some agreed to nothing, or no longer agree."""
    which = picks(dice, people, _WEIGHTS)
    expired = chance(dice, people, _EXPIRED)
    since = dice.integers(30, 400, people)
    left = np.where(expired, -dice.integers(2, 30, people), dice.integers(100, 800, people))
    frame = pd.DataFrame(
        {
            "purposes": np.array(_PURPOSES, dtype=object)[which],
            "consent_at": _days(np.datetime64(campaign.before), -since),
            "consent_until": _days(np.datetime64(campaign.today), left),
        }
    )
    frame.loc[frame["purposes"] == "", ["consent_at", "consent_until"]] = ""
    return frame


def _days(start: np.datetime64, offsets: Ints) -> list[str]:
    days: list[str] = np.datetime_as_string(start + offsets.astype("timedelta64[D]")).tolist()
    return days
