"""Lists of points as blobs of a few megabytes; must not know what the points are or who keeps them.

A whole list in one blob would be read, decrypted and let go in memory that the system hands out
fresh each time, page by page: that took most of the processor time of reading it. Pieces are small
enough for the C library to use the same memory again, and nobody holds more than one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.uint8]  # (n, 32)
Scalar = TypeVar("Scalar", bound=np.generic)

PIECE_POINTS = 1 << 18


def pieces_of(name: str, points: Points) -> Iterator[tuple[str, bytes]]:
    """Yield (name, data) of the blobs that hold the points in order."""
    for number, piece in enumerate(cut(points)):
        yield f"{name}-{number}", piece.tobytes()


def cut(rows: NDArray[Scalar]) -> Iterator[NDArray[Scalar]]:
    """Yield the rows piece by piece, as views."""
    for start in range(0, len(rows), PIECE_POINTS):
        yield rows[start : start + PIECE_POINTS]


def names_of(name: str, count: int) -> list[str]:
    """Return the names under which `pieces_of` gives so many points."""
    return [f"{name}-{number}" for number in range(-(-count // PIECE_POINTS))]
