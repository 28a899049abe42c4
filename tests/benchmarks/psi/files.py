"""The two parties' files of a benchmark: made-up e-mails, half of them the same people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = "email,purposes,consent_at,consent_until\n"
_CONSENT = "measurement,2026-01-01,2035-12-31"
# Odd and below the modulus, a prime: numbers near each other give addresses that are not.
_MODULUS, _FACTOR = 10_000_000_019, 6_180_339_887
_BLOCK = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Two CSV files of `people` rows each, `shared` of whom are in both."""

    left: Path
    right: Path
    people: int
    shared: int


def make_files(folder: Path, people: int) -> Files:
    """Write left.csv and right.csv; their people's numbers begin at 0 and at half of `people`."""
    first = people - people // 2
    left, right = folder / "left.csv", folder / "right.csv"
    _write(left, range(people))
    # From last to first, so that neither file has the other's order.
    _write(right, range(first + people - 1, first - 1, -1))
    return Files(left=left, right=right, people=people, shared=people // 2)


def email(number: int) -> str:
    """Return a person's address; all differ below 10^10."""
    return f"customer.{number * _FACTOR % _MODULUS:010d}@example.com"


def _write(path: Path, numbers: range) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for block in _blocks(numbers):
            file.write("".join(f"{email(number)},{_CONSENT}\n" for number in block))


def _blocks(numbers: range) -> Iterator[range]:
    """Cut a range: whoever holds little memory starts processes that hold little."""
    for start in range(0, len(numbers), _BLOCK):
        yield numbers[start : start + _BLOCK]
