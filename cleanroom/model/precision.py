"""How precisely questions of one kind are answered under a policy; values only."""

from __future__ import annotations

from dataclasses import dataclass

from cleanroom.model.family import Family
from cleanroom.model.names import LedgerName


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """One number of people, asked for at the most that one question may take.

    Noise alone moves it by at most `within` people in 95 of 100 answers. Below `line` it is
    withheld. `affordable` such questions use up the budget of `ledger`, the first to be empty.
    """

    family: Family
    datasets: tuple[str, ...]
    within: int
    line: int
    affordable: int
    ledger: LedgerName
