"""Three parties' files as real companies have them; a pure function of size, seed and calendar.

Frames hold the columns of the files and, under names beginning with `true_`, what only their
maker knows: `true_person`, and the row's usable keys in normal form (empty for none).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cleanroom.demo.campaign import CITIES, SEGMENTS, Campaign
from cleanroom.demo.consents import consents
from cleanroom.demo.dice import Dice, Ints, chance, dice_of, picks
from cleanroom.demo.receipts import receipts
from cleanroom.demo.spelling import spell_emails, spell_phones, spoil_emails, spoil_phones
from cleanroom.demo.world import Keys, World, make_world, noted

HIDDEN = "true_"
_RUBBISH = 0.01  # share of keys that are none
_TWICE = 0.01  # share of rows that are in a file twice
_BOTH_ARMS = 0.003  # share of contacts that were put into both arms by mistake
_MEAN_IMPRESSIONS = 6
_MAX_IMPRESSIONS = 60
_OTHER_CITIES = ("perm", "omsk", "tver", "Moscow", "")
_INCOMES = ("low", "middle", "high", "unknown")
_INCOME_SHARES = (0.35, 0.40, 0.15, 0.10)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Files:
    """The frames of the three datasets, by the names that the policy gives them."""

    campaign: Campaign
    exposures: pd.DataFrame
    sales: pd.DataFrame
    panel: pd.DataFrame

    def of(self, dataset: str) -> pd.DataFrame:
        """Return a dataset's frame with its hidden columns."""
        frame: pd.DataFrame = getattr(self, dataset)
        return frame

    def visible(self, dataset: str) -> pd.DataFrame:
        """Return what stands in the file."""
        frame = self.of(dataset)
        return frame[[c for c in frame.columns if not c.startswith(HIDDEN)]]

    def write(self, dataset: str, path: Path) -> None:
        """Write the file as CSV."""
        self.visible(dataset).to_csv(path, index=False)


def generate(*, people: int, seed: int, campaign: Campaign) -> Files:
    """Return files of `people` people a side, of whom about 60 % are the other side's too."""
    dice = dice_of(seed)
    world = make_world(dice, people)
    return Files(
        campaign=campaign,
        exposures=_exposures(dice, world, campaign),
        sales=receipts(dice, world, _spelled_mega(dice, world), campaign),
        panel=_panel(dice, world, campaign),
    )


def _exposures(dice: Dice, world: World, campaign: Campaign) -> pd.DataFrame:
    """Return a row for each contacted customer, some twice, a few in both arms."""
    ids = world.acme
    keys = noted(dice, world, ids, email=0.86, phone=0.75, other_email=0.0)
    frame = _spelled(dice, ids, keys)
    frame["city"] = _cities(dice, world.city[ids])
    frame["segment"] = np.array((*SEGMENTS[:-1], "families"), dtype=object)[world.segment[ids]]
    frame["arm"] = np.where(world.test[ids], "test", "control")
    seen = dice.poisson(_MEAN_IMPRESSIONS, len(ids)).clip(0, _MAX_IMPRESSIONS)
    frame["impressions"] = np.where(world.test[ids], seen, 0)
    frame = pd.concat([frame, consents(dice, campaign, len(ids))], axis=1)
    mistaken = frame[chance(dice, len(frame), _BOTH_ARMS)].copy()
    mistaken["arm"] = np.where(mistaken["arm"] == "test", "control", "test")
    repeated = frame[chance(dice, len(frame), _TWICE)]
    return _shuffled(dice, pd.concat([frame, mistaken, repeated]))


def _cities(dice: Dice, city: Ints) -> list[str]:
    """Return city names; those outside the declared ones are many, or missing."""
    others = dice.integers(0, len(_OTHER_CITIES), len(city))
    last = len(CITIES) - 1
    return [
        _OTHER_CITIES[other] if code == last else CITIES[code]
        for code, other in zip(city.tolist(), others.tolist(), strict=True)
    ]


def _spelled_mega(dice: Dice, world: World) -> pd.DataFrame:
    keys = noted(dice, world, world.mega, email=0.82, phone=0.85, other_email=0.08)
    return _spelled(dice, world.mega, keys)


def _panel(dice: Dice, world: World, campaign: Campaign) -> pd.DataFrame:
    ids = world.panel
    keys = noted(dice, world, ids, email=0.80, phone=0.70, other_email=0.05)
    frame = _spelled(dice, ids, keys)
    frame["income"] = np.array(_INCOMES, dtype=object)[picks(dice, len(ids), _INCOME_SHARES)]
    frame = pd.concat([frame, consents(dice, campaign, len(ids))], axis=1)
    return _shuffled(dice, pd.concat([frame, frame[chance(dice, len(frame), _TWICE)]]))


def _spelled(dice: Dice, ids: Ints, keys: Keys) -> pd.DataFrame:
    """Return the keys as somebody typed them, beside what they mean."""
    email, no_email = spoil_emails(dice, spell_emails(dice, keys.emails), _RUBBISH)
    phone, no_phone = spoil_phones(dice, spell_phones(dice, keys.phones), _RUBBISH)
    return pd.DataFrame(
        {
            "email": email,
            "phone": phone,
            "true_person": ids,
            "true_email": np.where(no_email, "", np.array(keys.emails, dtype=object)),
            "true_phone": np.where(no_phone, "", np.array(keys.phones, dtype=object)),
        }
    )


def _shuffled(dice: Dice, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[dice.permutation(len(frame))].reset_index(drop=True)
