"""What the files truly say, from their makers' hidden columns, in plain pandas.

Must share nothing with the service: no normalisation, no tokens, no engine. It is what the
service's answers are compared with.
Requires that no one has several e-mails at one company and any of them at another (world.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd

from cleanroom.demo.campaign import CITIES, PROMOTED, SEGMENTS, expected_effect
from cleanroom.demo.generate import Files

Cell = tuple[str, ...]

DOMAINS = {
    "city": CITIES,
    "segment": SEGMENTS,
    "income": ("low", "middle", "high", "other"),
}
KEYS = {"email": "true_email", "phone": "true_phone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedLift:
    """One cell's truth: people and total outcome by arm, exact, in (control, test) order.

    `expected` is the difference of means that the campaign causes on average in these people,
    `realised` the one that happened; amounts in minor units.
    """

    people: tuple[int, int]
    total: tuple[int, int]
    expected: float

    @property
    def realised(self) -> float:
        """The exact difference of the arms' means; ZeroDivisionError for an empty arm."""
        control, test = (total / n for total, n in zip(self.total, self.people, strict=True))
        return test - control


def matches(files: Files, left: str, right: str) -> dict[str, int]:
    """Return the exact statistics of a match rate, under the figures' names."""
    sides = {dataset: _people(files, dataset) for dataset in (left, right)}
    by_key = _matched(files, left, right)
    counts = {f"people_{dataset}": len(people) for dataset, people in sides.items()}
    shares = {
        f"matched_{key}": sum(k == key for k in by_key.values()) for key in (*KEYS, "loyalty_id")
    }
    return counts | {"matched": len(by_key)} | shares


def sizes(files: Files, left: str, right: str, by: str) -> dict[Cell, int]:
    """Return the matched people in each cell of a dimension of `left`."""
    people = _people(files, left)
    matched = people[people.index.isin(list(_matched(files, left, right)))]
    found = _coded(matched, by).value_counts()
    return {(value,): int(found.get(code, 0)) for code, value in enumerate(DOMAINS[by])}


def lifts(
    files: Files,
    *,
    outcome: str,
    by: Sequence[str] = (),
    only_matched: bool = True,
    bound: int = 1_500_000,
) -> dict[Cell, PlantedLift]:
    """Return every cell's truth of a lift on promoted receipts in the window after the start."""
    people = outcomes(files, bound=bound)
    if only_matched:
        people = people[people["matched"]]
    codes = [range(len(DOMAINS[name])) for name in by]
    return {
        tuple(DOMAINS[name][code] for name, code in zip(by, cell, strict=True)): _lift(
            people[np.logical_and.reduce([people[n] == c for n, c in zip(by, cell, strict=True)])]
            if by
            else people,
            outcome,
        )
        for cell in product(*codes)
    }


def _lift(people: pd.DataFrame, outcome: str) -> PlantedLift:
    arms = [people[people["arm"] == arm] for arm in ("control", "test")]
    control, test = (int(arm[outcome].sum()) for arm in arms)
    effect = expected_effect(outcome, people["city"].to_numpy(), people["segment"].to_numpy())
    return PlantedLift(
        people=(len(arms[0]), len(arms[1])),
        total=(control, test),
        expected=float((effect * people["matched"].to_numpy()).mean()) if len(people) else 0.0,
    )


def outcomes(files: Files, *, bound: int) -> pd.DataFrame:
    """Return the people of the advertiser who are in one arm, with what they bought.

    Columns: city, segment (codes), arm, matched, buyers (0 or 1), amount (minor units, clipped).
    """
    rows = _people(files, "exposures")
    matched = pd.Index(list(_matched(files, "exposures", "sales")))
    spent = _spent(files).reindex(matched, fill_value=0)
    people = pd.DataFrame(
        {
            "city": _coded(rows, "city"),
            "segment": _coded(rows, "segment"),
            "arm": rows["arm"],
            "matched": rows.index.isin(matched),
        },
        index=rows.index,
    )
    people["amount"] = spent.clip(0, bound).reindex(people.index, fill_value=0)
    people["buyers"] = (people["amount"] > 0).astype("int64")
    return people[people["arm"] != "both"]


def _spent(files: Files) -> pd.Series[int]:
    rows = _sealed(files.sales)
    days = rows["occurred_at"].str.slice(0, 10)
    start, end = files.campaign.start.isoformat(), files.campaign.end.isoformat()
    counted = rows[rows["category"].isin(PROMOTED) & (days >= start) & (days < end)]
    return counted.groupby("true_person")["true_minor"].sum()


def _sealed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that may enter a version: with a key, and agreed to measurement."""
    keyed = (frame["true_email"] != "") | (frame["true_phone"] != "")
    if "loyalty_id" in frame:
        keyed |= frame["loyalty_id"] != ""
    return frame[keyed & frame["purposes"].str.lower().str.contains("measurement")]


@lru_cache(maxsize=8)
def _people(files: Files, dataset: str) -> pd.DataFrame:
    """Return one row for each person whose consent holds today, by `true_person`."""
    rows = _sealed(files.of(dataset))
    grouped = rows.groupby("true_person")
    people = grouped.first()
    if "arm" in people:
        one_arm = grouped["arm"].min() == grouped["arm"].max()
        people["arm"] = people["arm"].where(one_arm, "both")
    tomorrow = (files.campaign.today + timedelta(days=1)).isoformat()
    holds = grouped["consent_until"].min() >= tomorrow
    return people[holds & (grouped["consent_at"].max() < tomorrow)]


@lru_cache(maxsize=8)
def _matched(files: Files, left: str, right: str) -> dict[int, str]:
    """Return {person: key type that matched first} of the people on both sides."""
    both = _people(files, left).index.intersection(_people(files, right).index)
    found: dict[int, str] = {}
    for key, column in KEYS.items():
        sides = [_known(files.of(dataset), column) for dataset in (left, right)]
        shared = sides[0].merge(sides[1], on=["true_person", column])["true_person"]
        found = dict.fromkeys(shared[shared.isin(both)].tolist(), key) | found
    return found


def _known(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    rows = _sealed(frame)[["true_person", column]].drop_duplicates()
    return rows[rows[column] != ""]


def _coded(people: pd.DataFrame, dimension: str) -> pd.Series[int]:
    """Return the code of each value; what is not declared is `other`, the last."""
    domain = DOMAINS[dimension]
    codes = {value: code for code, value in enumerate(domain)}
    return people[dimension].map(codes).fillna(len(domain) - 1).astype("int64")
