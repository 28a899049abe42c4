"""Random raw lists of three parties about overlapping people, as partners really have them.

A `Row` holds what stands in the file and, beside it, what each key means (None for nothing), so
that an independent implementation needs none of the product's reading.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

KEYS = ("email", "phone", "loyalty_id")
DATASETS = {"crm": "acme-brand", "shop": "megamart", "panel": "fiscal-data"}
POLICY = """\
version: cleanroom/v1
collaboration: three-lists
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [match_rate]}
  megamart: {role: retailer, may_ask: [match_rate]}
  fiscal-data: {role: data_provider, may_ask: [match_rate]}
matching:
  scheme: SCHEME
  normalisation: uid2-2026
  keys: [email, phone, loyalty_id]
  default_region: RU
  allow_unsalted: UNSALTED
datasets:
  crm: {owner: acme-brand, counts: {line: {max_per_person: 1000000}}}
  shop:
    owner: megamart
    counts: {line: {max_per_person: 1000000}}
    minimum_aggregation: {people: 20, miss_probability: 1e-3}
    privacy:
      {pool: shop, definition: zcdp, epsilon: 4, delta: 1e-7, per_question: 1, renew: never}
    consent: {match_rate: [measurement]}
  panel: {owner: fiscal-data, counts: {line: {max_per_person: 1000000}}}
retention: {datasets_days: 90, measurements_days: 730}
"""


def policy(scheme: str) -> str:
    """Return the policy of the three lists under `psi` or `sha256`."""
    unsalted = "true" if scheme == "sha256" else "false"
    return POLICY.replace("SCHEME", scheme).replace("UNSALTED", unsalted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A key as it is spelled in the file, and its one normal form; None where it is no key."""

    text: str = ""
    means: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a list: its number, the owner's own person number or "", keys, consent."""

    line: int
    person: str
    cells: Mapping[str, Cell]
    purposes: str
    consent_until: str

    @property
    def agrees(self) -> bool:
        """Whether the row may enter."""
        return "measurement" in self.purposes

    @property
    def is_over(self) -> bool:
        """Whether the consent has ended."""
        return self.consent_until < "2026"


def lists(seed: int, people: int = 60) -> dict[str, list[Row]]:
    """Return the rows of every dataset; each knows most of the people, in its own way."""
    entropy = np.random.default_rng(seed)
    return {name: _list(entropy, people) for name in DATASETS}


def frame(dataset: str, rows: list[Row]) -> pd.DataFrame:
    """Return the file; the panel holds its e-mails hashed wherever they are some."""
    columns: dict[str, list[str]] = {
        "line": [str(row.line) for row in rows],
        "person": [row.person for row in rows],
        **{key: [row.cells[key].text for row in rows] for key in KEYS},
        "purposes": [row.purposes for row in rows],
        "consent_at": ["2020-01-01" if row.purposes else "" for row in rows],
        "consent_until": [row.consent_until if row.purposes else "" for row in rows],
    }
    if dataset == "panel":
        emails = [row.cells["email"] for row in rows]
        columns["email_sha256"] = [_hashed(e.means) if e.means else e.text for e in emails]
        del columns["email"]
    return pd.DataFrame(columns)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _list(entropy: np.random.Generator, people: int) -> list[Row]:
    count = int(entropy.integers(people // 2, people * 4 // 3))
    rows = [_row(entropy, line, people) for line in range(count)]
    rows[0] = _row(entropy, 0, people, certain=True)  # a list needs one usable key
    return rows


def _row(entropy: np.random.Generator, line: int, people: int, *, certain: bool = False) -> Row:
    person = int(entropy.integers(people))
    holders = {key: _holder(entropy, key, person, people) for key in KEYS}
    cells = {key: _cell(entropy, key, holder) for key, holder in holders.items()}
    if certain:
        cells["loyalty_id"] = _spelled(entropy, "loyalty_id", person)
    purposes = ["measurement", "segmentation measurement", "segmentation", ""]
    return Row(
        line=line,
        person=f"P-{person}" if entropy.random() < 0.3 else "",
        cells=cells,
        purposes=str(entropy.choice(purposes, p=[0.8, 0.1, 0.05, 0.05])),
        consent_until="2021-06-30" if entropy.random() < 0.03 else "2199-01-01",
    )


def _holder(entropy: np.random.Generator, key: str, person: int, people: int) -> int:
    """Return whose key stands in the row: mostly the person's; else family's, or anybody's."""
    turn = entropy.random()
    if turn < 0.04:
        return int(entropy.integers(people))  # a typing error, or two people under one record
    if key == "phone" and turn < 0.2:
        return person - person % 2  # a phone for two
    if turn < 0.3:
        return person + people  # their second address, phone or card
    return person


def _cell(entropy: np.random.Generator, key: str, holder: int) -> Cell:
    turn = entropy.random()
    if turn < 0.35:
        return Cell(text=" " if turn < 0.1 else "")
    if turn < 0.4 and key != "loyalty_id":  # any text is a card number
        return Cell(text=str(entropy.choice(["n/a", "@", "12", "see notes", "0"])))
    return _spelled(entropy, key, holder)


def _spelled(entropy: np.random.Generator, key: str, number: int) -> Cell:
    spellings = {"email": _email, "phone": _phone, "loyalty_id": _card}[key](number)
    return Cell(text=str(entropy.choice(spellings)), means=spellings[0])


def _email(number: int) -> list[str]:
    """Spellings of one address, the normal form first; every third is one of gmail.com."""
    if number % 3:
        plain = f"anna.k{number}@example.com"
        return [plain, plain.upper(), f"  {plain} ", plain.title()]
    plain = f"boris{number}@gmail.com"
    return [plain, f"bo.ris{number}+shop@gmail.com", f"B.oris{number}@Gmail.com", f"{plain}\t"]


def _phone(number: int) -> list[str]:
    a, b = f"{number // 100:02d}", f"{number % 100:02d}"
    return [
        f"+7912345{a}{b}",
        f"8 (912) 345-{a}-{b}",
        f"+7 912 345 {a}{b}",
        f"7912345{a}{b}",
        f"8912345{a}{b} ",
        f"912-345-{a}-{b}",
    ]


def _card(number: int) -> list[str]:
    """Cards are told apart by case, so even and odd numbers share their digits."""
    plain = f"{'é' if number % 2 else 'É'}-{number // 2:04d}"
    return [plain, unicodedata.normalize("NFD", plain), f" {plain} "]
