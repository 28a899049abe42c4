"""Which 32 bytes may be blinded as a point; knows nothing of secrets or of where points are from."""

from __future__ import annotations

from enum import StrEnum

from cleanroom_client.blinding.curve25519 import POINT_BYTES, P

_TOP_BIT = 0x80


class PointFault(StrEnum):
    """What is wrong with a point; the whole list."""

    WRONG_LENGTH = "it does not have 32 bytes"
    TOP_BIT = "its top bit is set"
    NOT_REDUCED = "its coordinate is not below 2^255 - 19"
    LOW_ORDER = "it has low order"
    ZERO_RESULT = "its product with the secret is zero"


class BadPoint(ValueError):
    """Bytes that must not be blinded; names the fault and the position, never the bytes."""

    def __init__(self, fault: PointFault, position: int | None = None) -> None:
        """Keep the fault and, when it is one of a list, its place in the list."""
        super().__init__(fault, position)
        self.fault = fault
        self.position = position

    @property
    def reason(self) -> str:
        """The fault in words."""
        return str(self.fault)

    def __str__(self) -> str:
        """Return one sentence."""
        where = "the point" if self.position is None else f"point {self.position}"
        return f"{where} is not acceptable: {self.fault}"


# The points of order 1, 2, 4 and 8 on the curve, and of order 2 and 4 on its twist, RFC 7748,
# section 6.1. Their non-canonical spellings (u + P, or with the top bit) are refused as such.
LOW_ORDER = frozenset(
    u.to_bytes(POINT_BYTES, "little")
    for u in (
        0,
        1,
        P - 1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    )
)


def check_point(u: bytes) -> None:
    """Return if `u` is a canonical x-coordinate that is not of low order; raise BadPoint.

    Does not check that the point lies on the curve rather than its twist: X25519 is safe on both,
    and a party that sends twist points only spoils its own matches.
    """
    if len(u) != POINT_BYTES:
        raise BadPoint(PointFault.WRONG_LENGTH)
    if u[-1] & _TOP_BIT:
        raise BadPoint(PointFault.TOP_BIT)
    if int.from_bytes(u, "little") >= P:
        raise BadPoint(PointFault.NOT_REDUCED)
    if u in LOW_ORDER:
        raise BadPoint(PointFault.LOW_ORDER)
