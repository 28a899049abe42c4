"""Meta's Private Lift files as records, by its rules (../shared/data/meta_private_lift)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def public_file(*parts):
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{'/'.join(parts)} of the public test data is not there")
    return path


def csv_rows(path):
    with path.open() as lines:
        return list(csv.DictReader(lines))


def _events(path):
    """Yield (id, time, value); the two lists of a line are not quoted, so csv cannot read it."""
    for line in path.read_text().splitlines()[1:]:
        identifier, times, values = re.fullmatch(r"([^,]*),\[(.*)\],\[(.*)\]", line).groups()
        for time_s, value in zip(times.split(","), values.split(","), strict=True):
            yield identifier, int(time_s), int(value)


def private_lift(publisher, partner):
    """Return people and events. Apply Private Lift's rules: who counts, and which events do (those after, with 10 s slack)."""
    seen_s = {r["id_"]: int(r["opportunity_timestamp"]) for r in csv_rows(publisher)}
    people = [
        {
            "external_id": row["id_"],
            "arm": int(row["test_flag"])
            if row["opportunity"] == "1" and seen_s[row["id_"]] > 0
            else -1,
            "reached": int(int(row["num_impressions"]) > 0),
        }
        for row in csv_rows(publisher)
    ]
    events = [
        {"external_id": identifier, "amount": value, "at": time_s}
        for identifier, time_s, value in _events(partner)
        if time_s > 0 and time_s + 10 > seen_s[identifier]
    ]
    return people, events
