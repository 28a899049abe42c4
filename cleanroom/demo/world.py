"""The made-up people behind the files: who is whose customer, and what each company knows.

Must not know rows, spellings or purchases. People are numbers from 0; arrays follow them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cleanroom.demo.campaign import CITY_SHARES, SEGMENT_SHARES
from cleanroom.demo.dice import Dice, Flags, Ints, chance, picks
from cleanroom.demo.spelling import emails_of, other_email_of, phone_of

OVERLAP = 0.6  # share of the advertiser's people who are the retailer's too
_PANEL_SHARE = 0.45  # share of all their people whom the data provider knows
_TWO_EMAILS = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`people` a company; `acme`, `mega` and `panel` are their customers' numbers, ascending.

    `test` (people,) says which of the advertiser's people are in the test arm.
    `two_emails` marks people of whom only the retailer has addresses, two of them: which of two
    stands for a person depends on secrets, so that no planted truth may depend on it.
    """

    people: int
    emails: Sequence[str]
    city: Ints
    segment: Ints
    test: Flags
    two_emails: Flags
    mega: Ints
    panel: Ints

    @property
    def acme(self) -> Ints:
        """The advertiser's contacts are the first numbers."""
        return np.arange(self.people)

    @property
    def reached(self) -> Flags:
        """Who of the retailer's people saw the campaign (len(mega),)."""
        contacted = self.mega < self.people
        return contacted & self.test[np.where(contacted, self.mega, 0)]


def make_world(dice: Dice, people: int) -> World:
    """Return a world with `people` at each company."""
    shared = round(OVERLAP * people)
    either = 2 * people - shared
    known = round(_PANEL_SHARE * either)
    total = either + people - known
    city, segment = picks(dice, total, CITY_SHARES), picks(dice, total, SEGMENT_SHARES)
    both = np.sort(dice.choice(people, shared, replace=False))
    in_panel = np.sort(dice.choice(either, known, replace=False))
    return World(
        people=people,
        emails=emails_of(dice, total),
        city=city,
        segment=segment,
        test=_randomised(dice, city[:people], segment[:people]),
        two_emails=chance(dice, total, _TWO_EMAILS),
        mega=np.concatenate([both, np.arange(people, either)]),
        panel=np.concatenate([in_panel, np.arange(either, total)]),
    )


def _randomised(dice: Dice, city: Ints, segment: Ints) -> Flags:
    """Return who is in the test arm: every second one, in random order, of each city x segment."""
    order = np.lexsort((dice.random(len(city)), segment, city))
    test = np.empty(len(city), dtype=np.bool_)
    test[order] = np.arange(len(city)) % 2 == 0
    return test


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What one company has noted of its people, in normal form; empty where it has nothing."""

    emails: list[str]
    phones: list[str]


def noted(
    dice: Dice, world: World, ids: Ints, *, email: float, phone: float, other_email: float
) -> Keys:
    """Return the keys of `ids`: a share has an e-mail (part of them another one) and a phone."""
    has_email = chance(dice, len(ids), email) & ~world.two_emails[ids]
    has_other = chance(dice, len(ids), other_email)
    has_phone = chance(dice, len(ids), phone) | world.two_emails[ids]
    return Keys(
        emails=[
            "" if not known else other_email_of(i) if other else world.emails[i]
            for i, known, other in zip(ids.tolist(), has_email, has_other, strict=True)
        ],
        phones=[phone_of(i) if p else "" for i, p in zip(ids.tolist(), has_phone, strict=True)],
    )
