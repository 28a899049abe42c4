"""What became of each value of a column, as arrays; knows no rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cleanroom_client.identifiers.rejects import Reason

IDENTITY_BYTES = 32
DONE, UNDECIDED = 0, 255
STATUSES = {reason: number for number, reason in enumerate(Reason, start=1)}
"""A value's status: DONE, UNDECIDED, or the place of its reason; digests/native has the same."""

_NO_DIGEST = bytes(IDENTITY_BYTES)

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """n values: `digests` (n, 32) uint8, zeros unless `status` (n,) uint8 is DONE."""

    digests: npt.NDArray[np.uint8]
    status: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if self.digests.shape != (len(self.status), IDENTITY_BYTES):
            raise ValueError("there is one digest of 32 bytes for each status")

    @classmethod
    def undecided(cls, n: int) -> Identified:
        """Return room for n values."""
        digests = np.zeros((n, IDENTITY_BYTES), dtype=np.uint8)
        return cls(digests=digests, status=np.full(n, UNDECIDED, dtype=np.uint8))

    def part(self, first: int, n: int) -> Identified:
        """Return the values from `first` to `first + n` as a view to write through."""
        end = first + n
        return Identified(digests=self.digests[first:end], status=self.status[first:end])

    def take(self, places: Places) -> Identified:
        """Return a copy of the values at `places`."""
        return Identified(digests=self.digests[places], status=self.status[places])

    def put(self, places: Places, found: Identified) -> None:
        """Write what was found for the values at `places`."""
        self.digests[places] = found.digests
        self.status[places] = found.status

    def settle(self, places: Places, found: Sequence[bytes | Reason]) -> None:
        """Write the identity or the reason of each value at `places`."""
        digests = [_NO_DIGEST if isinstance(value, Reason) else value for value in found]
        status = [STATUSES[value] if isinstance(value, Reason) else DONE for value in found]
        packed = np.frombuffer(b"".join(digests), dtype=np.uint8)
        self.digests[places] = packed.reshape(-1, IDENTITY_BYTES)
        self.status[places] = status

    def rejects(self) -> Counter[Reason]:
        """Count the reasons. Requires that no value is undecided."""
        counts = np.bincount(self.status, minlength=len(STATUSES) + 1).tolist()
        return Counter({r: counts[number] for r, number in STATUSES.items() if counts[number]})

    def array(self) -> Any:
        """Return the identities as a FixedSizeBinaryArray, null where there is none; no copy."""
        there = np.packbits(self.status == DONE, bitorder="little")
        buffers = [pa.py_buffer(there), pa.py_buffer(self.digests)]
        kind = pa.binary(IDENTITY_BYTES)
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(self.status), buffers)
