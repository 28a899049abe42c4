"""References by which an owner names people, and the one-way marks of those who withdrew.

Must not know how a reference was made, nor where marks are kept.
A reference is what the party's own machine made of an identifier under a key that only the party
has: a keyed hash of its own person reference, or the element (or token) of a match key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid

PERSON: Final = "person"  # a reference of the owner's own; all others are key types
MARK_KEY_BYTES: Final = 32
MARKED_BYTES: Final = 16  # of a reference: as many as a sealed version stores
_DOMAIN: Final = b"cleanroom-withdrawn/v1\0"
_BYTES = {PERSON: 16}
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReference:
    """One reference to a person: `kind` is "person" (16 bytes) or a key type (32 bytes)."""

    kind: str
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a kind that is not known and a value of another length."""
        if self.kind != PERSON and self.kind not in tuple(KeyType):
            raise FieldInvalid(field="kind", expected=f"{PERSON} or {', '.join(KeyType)}")
        size = _BYTES.get(self.kind, _KEY_BYTES)
        if len(self.value) != size:
            raise FieldInvalid(field="value", expected=f"{size} bytes for {self.kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The withdrawals of a dataset as marks with their times (unix seconds), under a secret key.

    A mark tells nothing to whoever lacks the key, and the key does not lead back from a mark to a
    reference: it only recognises one that comes again. About a second for a million references.
    """

    key: bytes = field(repr=False)
    times: Mapping[bytes, int] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key of another length."""
        if len(self.key) != MARK_KEY_BYTES:
            raise ValueError(f"a key of marks has {MARK_KEY_BYTES} bytes")

    def of(self, value: bytes) -> bytes:
        """Return the mark of a reference, which its first half decides."""
        return hmac.digest(self.key, _DOMAIN + value[:MARKED_BYTES], "sha256")[:MARKED_BYTES]

    def hits(self, packed: bytes | memoryview, width: int) -> Iterator[tuple[int, int]]:
        """Yield position and time of each reference that withdrew, of packed ones `width` wide."""
        if not self.times:
            return
        for position in range(len(packed) // width):
            start = position * width
            at_s = self.times.get(self.of(bytes(packed[start : start + MARKED_BYTES])))
            if at_s is not None:
                yield position, at_s
