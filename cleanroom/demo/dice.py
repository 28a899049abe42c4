"""The demo's repeatable randomness; must not be used for anything that protects people.

It makes example data from a seed. Noise comes from `cleanroom.privacy.mechanism` alone.
"""

# ruff: noqa: TID251 - example data must be the same for the same seed, which entropy is not

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Dice: TypeAlias = np.random.Generator
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]


def dice_of(seed: int) -> Dice:
    """Return the generator of a seed: the same numbers on every machine (PCG64)."""
    return np.random.Generator(np.random.PCG64(seed))


def chance(dice: Dice, size: int, probability: float | Floats) -> Flags:
    """Return (size,) flags, each raised with its probability."""
    return dice.random(size) < probability


def picks(dice: Dice, size: int, weights: Sequence[float]) -> Ints:
    """Return (size,) positions in `weights`, which sum to 1."""
    return dice.choice(len(weights), size=size, p=np.asarray(weights)).astype(np.int64)
