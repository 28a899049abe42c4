"""Sets of vendor ids as consent strings carry them; must not know what they are sets of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cleanroom_client.consent.bits import Bits
from cleanroom_client.consent.signals import malformed

_ID_BITS, _COUNT_BITS = 16, 12


@dataclass(frozen=True, slots=True)
class Vendors:
    """Vendor ids: bit n of `mask` says that vendor n is in the set."""

    mask: int = 0

    def __contains__(self, vendor: int) -> bool:
        """Tell whether the vendor is in the set."""
        return bool(self.mask >> vendor & 1)

    def __iter__(self) -> Iterator[int]:
        """Yield the ids in order."""
        return (n for n in range(1, self.mask.bit_length()) if self.mask >> n & 1)


def read_vendors(bits: Bits) -> Vendors:
    """Read a maximum, a kind, and a bit field or ranges up to the maximum. [TCF], core string."""
    maximum = bits.integer(_ID_BITS)
    if bits.boolean():
        found = read_ranges(bits)
        if found.mask.bit_length() - 1 > maximum:
            raise malformed()
        return found
    field = bits.integer(maximum)  # its first bit is vendor 1
    reversed_ = int(f"{field:0{maximum}b}"[::-1], 2) if maximum else 0
    return Vendors(reversed_ << 1)


def read_ranges(bits: Bits) -> Vendors:
    """Read a number of single ids and inclusive ranges."""
    mask = 0
    for _ in range(bits.integer(_COUNT_BITS)):
        is_range = bits.boolean()
        first = bits.integer(_ID_BITS)
        last = bits.integer(_ID_BITS) if is_range else first
        if not 1 <= first <= last:
            raise malformed()
        mask |= ((1 << (last - first + 1)) - 1) << first
    return Vendors(mask)
