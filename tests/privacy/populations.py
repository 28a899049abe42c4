"""A population whose every mean is known exactly, and samples of it as the engine would sum them.

Must not know noise or intervals. People are of few kinds (atoms), so that a sample of an arm is
one multinomial draw and each released sum a product with what an atom adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PEOPLE = 600  # of an arm
ARMS = ("control", "test")

# Of each atom: outcome, the same before, visits, whether reached in the test arm, stratum. Arms are
# drawn by chance, so that what was before, and the stratum, has the same distribution in both.
Y = np.array([0, 300, 0, 900, 600, 1_500, 0, 900])
X = np.array([0, 0, 400, 400, 1_200, 1_200, 300, 300])
V = np.array([0, 1, 1, 3, 2, 4, 0, 3])
E = np.array([0, 1, 0, 1, 0, 1, 0, 1])
STRATUM = np.array([0, 0, 0, 0, 1, 1, 1, 1])
CHANCE = {
    "control": np.array([0.22, 0.10, 0.16, 0.12, 0.10, 0.08, 0.14, 0.08]),
    "test": np.array([0.18, 0.14, 0.12, 0.16, 0.08, 0.10, 0.10, 0.12]),
}
BOUND, VISITS = 1_500, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What each atom adds, by kind of analysis/lift_kinds.py, with squares in units of one."""

    by_kind: Mapping[str, np.ndarray]


def values(y: np.ndarray = Y, x: np.ndarray = X, e: np.ndarray = E) -> Values:
    """Return all kinds for an outcome, the same before, and who was reached."""
    ones = np.ones_like(y)
    return Values(
        by_kind={
            "n": ones,
            "e": e,
            "s": y,
            "q": y * y,
            "r": y * e,
            "x": x,
            "qx": x * x,
            "px": x * y,
            "v": V,
            "qv": V * V,
            "pv": y * V,
        }
    )


def sample(draw: np.random.Generator, count: int, arm: str) -> np.ndarray:
    """Return (count, atoms) people of each kind in samples of an arm."""
    return draw.multinomial(PEOPLE, CHANCE[arm], size=count)


def means(found: Values, arm: str) -> dict[str, float]:
    """Return the exact mean of each kind in an arm's population."""
    return {kind: float(CHANCE[arm] @ column) for kind, column in found.by_kind.items()}


def sums(found: Values, heads: np.ndarray, arm: str, kinds: str) -> dict[str, np.ndarray]:
    """Return the sums of an arm, named as they are released; `heads` ends in people by atom."""
    return {f"{kind}:{arm}": heads @ found.by_kind[kind] for kind in kinds.split()}
