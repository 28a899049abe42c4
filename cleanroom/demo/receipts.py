"""The retailer's till receipts, with what the campaign did to them; must not know the file.

Everybody has a receipt from before the campaign that carries all keys, so that whether a person
can be matched never depends on what they bought afterwards.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cleanroom.demo.campaign import (
    HIGH_MINOR,
    LOW_MINOR,
    MOST_RECEIPTS,
    PROMOTED,
    REPEATED,
    Campaign,
    added_share,
    base_share,
    basket_factor,
)
from cleanroom.demo.consents import COLUMNS, consents
from cleanroom.demo.dice import Dice, Flags, Floats, Ints, chance
from cleanroom.demo.spelling import other_email_of
from cleanroom.demo.world import World

_OTHER_CATEGORIES = ("groceries", "household", "toys")
# Receipts a person more: before the campaign, in other categories, after what is measured.
_EARLIER, _BESIDE, _AFTERWARDS = 0.7, 0.8, 0.3
_KEYLESS_EMAIL, _KEYLESS_PHONE = 0.25, 0.30  # share of later receipts without that key
_UNSIGNED = 0.004  # receipts for each person, for which nobody agreed to anything
_SECONDS_A_DAY = 86_400


def receipts(dice: Dice, world: World, keys: pd.DataFrame, campaign: Campaign) -> pd.DataFrame:
    """Return the rows of the sales file in random order; `keys` has a row for each of `mega`."""
    people = pd.concat([keys, consents(dice, campaign, len(keys))], axis=1)
    people.insert(0, "loyalty_id", [f"MM-{i:08d}" for i in world.mega.tolist()])
    parts = [
        _first(dice, campaign, people),
        _drop_keys(dice, world, _later(dice, world, campaign, people)),
    ]
    rows = pd.concat(parts)
    rows = pd.concat([rows, rows[chance(dice, len(rows), REPEATED)]])
    order = ("loyalty_id", "email", "phone", "occurred_at", "amount", "category", *COLUMNS)
    rows = rows.iloc[dice.permutation(len(rows))].reset_index(drop=True)
    return rows[[*order, *(c for c in rows.columns if c not in order)]]


def _first(dice: Dice, campaign: Campaign, people: pd.DataFrame) -> pd.DataFrame:
    days = (campaign.start - campaign.before).days
    whom = np.arange(len(people))
    return _rows(dice, people, whom, _moments(dice, np.datetime64(campaign.before), days, whom))


def _later(dice: Dice, world: World, campaign: Campaign, people: pd.DataFrame) -> pd.DataFrame:
    """Return all receipts but the first; of these only the promoted ones depend on the campaign."""
    before, start, end = (
        np.datetime64(day) for day in (campaign.before, campaign.start, campaign.end)
    )
    days = (campaign.start - campaign.before).days
    earlier, beside, afterwards = (
        np.repeat(np.arange(len(people)), dice.poisson(mean, len(people)))
        for mean in (_EARLIER, _BESIDE, _AFTERWARDS)
    )
    left = (campaign.today - campaign.end).days
    return pd.concat(
        [
            _rows(dice, people, earlier, _moments(dice, before, days, earlier)),
            _rows(dice, people, beside, _moments(dice, start, days, beside), promoted=False),
            _rows(dice, people, afterwards, _moments(dice, end, left, afterwards)),
            _promoted(dice, world, campaign, people),
            _unsigned(dice, campaign, people),
        ]
    )


def _promoted(dice: Dice, world: World, campaign: Campaign, people: pd.DataFrame) -> pd.DataFrame:
    """Return what was bought of the promoted categories in the window after the start."""
    city, segment = world.city[world.mega], world.segment[world.mega]
    share = base_share(segment) + np.where(world.reached, added_share(city), 0.0)
    buys = chance(dice, len(people), share)
    count = np.where(buys, dice.integers(1, MOST_RECEIPTS + 1, len(people)), 0)
    whom = np.repeat(np.arange(len(people)), count)
    factor = np.where(world.reached, basket_factor(city), 1.0)[whom]
    days = (campaign.end - campaign.start).days
    when = _moments(dice, np.datetime64(campaign.start), days, whom)
    return _rows(dice, people, whom, when, promoted=True, factor=factor)


def _unsigned(dice: Dice, campaign: Campaign, people: pd.DataFrame) -> pd.DataFrame:
    """Return receipts that must not count, because their consent columns are empty."""
    whom = np.flatnonzero(chance(dice, len(people), _UNSIGNED))
    days = (campaign.end - campaign.start).days
    when = _moments(dice, np.datetime64(campaign.start), days, whom)
    rows = _rows(dice, people, whom, when, promoted=True)
    rows[list(COLUMNS)] = ""
    return rows


def _rows(
    dice: Dice,
    people: pd.DataFrame,
    whom: Ints,
    when: list[str],
    *,
    promoted: bool | None = None,
    factor: float | Floats = 1.0,
) -> pd.DataFrame:
    """Return a receipt for each of `whom`, of promoted categories, of others, or of any."""
    rows = people.iloc[whom].reset_index(drop=True)
    drawn = dice.integers(LOW_MINOR, HIGH_MINOR + 1, len(rows))
    minor = np.rint(drawn * factor).astype(np.int64)
    names = {None: PROMOTED + _OTHER_CATEGORIES, True: PROMOTED, False: _OTHER_CATEGORIES}[promoted]
    rows["occurred_at"] = when
    rows["amount"] = [f"{m // 100}.{m % 100:02d}" for m in minor.tolist()]
    rows["category"] = np.array(names, dtype=object)[dice.integers(0, len(names), len(rows))]
    rows["true_minor"] = minor
    return rows


def _moments(dice: Dice, start: np.datetime64, days: int, whom: Ints) -> list[str]:
    seconds = dice.integers(0, days * _SECONDS_A_DAY, len(whom)).astype("timedelta64[s]")
    texts = np.datetime_as_string(start.astype("datetime64[s]") + seconds).tolist()
    return [f"{text}Z" for text in texts]


def _drop_keys(dice: Dice, world: World, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows some of which lack a key, and those of people with two e-mails have one."""
    rows = rows.reset_index(drop=True)
    _blank(rows, "email", chance(dice, len(rows), _KEYLESS_EMAIL))
    _blank(rows, "phone", chance(dice, len(rows), _KEYLESS_PHONE))
    several = world.two_emails[rows["true_person"].to_numpy()]
    # Half of their receipts carry one address and half the other.
    rows.loc[several, ["email", "true_email"]] = [
        [other_email_of(person) if place % 2 else world.emails[person]] * 2
        for place, person in enumerate(rows["true_person"][several].tolist())
    ]
    return rows


def _blank(rows: pd.DataFrame, key: str, where: Flags) -> None:
    rows.loc[where, [key, f"true_{key}"]] = ""
