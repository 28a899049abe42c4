"""Looks for many needles in much hay at once: where identifiers must not be.

Hay is searched as it is and in lower case, so needles of text are given in lower case.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

PREFIX = 8
DIGEST_PART = 16  # a sealed token has this many of its bytes


class Needles:
    """Byte strings of at least eight bytes, each with a name."""

    def __init__(self, named: Mapping[bytes, str]) -> None:
        short = [name for needle, name in named.items() if len(needle) < PREFIX]
        assert not short, f"too short to look for: {short[:3]}"
        self._by_prefix: dict[bytes, list[bytes]] = {}
        self._named = dict(named)
        for needle in named:
            self._by_prefix.setdefault(needle[:PREFIX], []).append(needle)
        self._prefixes = np.sort(np.frombuffer(b"".join(self._by_prefix), dtype="<u8"))

    def __len__(self) -> int:
        return len(self._named)

    def found_in(self, hay: bytes) -> set[str]:
        """Return the names of the needles that lie anywhere in `hay`."""
        found = set(self._found(hay))
        lower = hay.lower()
        return found if lower == hay else found | set(self._found(lower))

    def _found(self, hay: bytes) -> Iterator[str]:
        for offset in range(min(PREFIX, max(0, len(hay) - PREFIX + 1))):
            count = (len(hay) - offset) // PREFIX
            words = np.frombuffer(hay, dtype="<u8", count=count, offset=offset)
            for word in np.flatnonzero(self._are_prefixes(words)).tolist():
                at = offset + PREFIX * word
                for needle in self._by_prefix[hay[at : at + PREFIX]]:
                    if hay.startswith(needle, at):
                        yield self._named[needle]

    def _are_prefixes(self, words: np.ndarray) -> np.ndarray:
        places = np.searchsorted(self._prefixes, words).clip(max=len(self._prefixes) - 1)
        return self._prefixes[places] == words


def forms(raw: str, normal: str) -> Iterator[tuple[bytes, str]]:
    """Yield what stands for an identifier: itself, and its digest in each usual writing.

    Of a digest the first sixteen bytes are looked for, in whatever writing.
    """
    yield raw.lower().encode(), f"raw {raw}"
    yield normal.lower().removeprefix("+").encode(), f"normalised {raw}"
    for kind, text in (("raw", raw), ("normalised", normal)):
        part = hashlib.sha256(text.encode()).digest()[:DIGEST_PART]
        yield part, f"sha256 of {kind} {raw}"
        yield part.hex().encode(), f"hex sha256 of {kind} {raw}"
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Of the last group not every bit belongs to the part.
            yield encode(part)[:21], f"base64 sha256 of {kind} {raw}"


def needles(identifiers: Iterable[tuple[str, str]]) -> Needles:
    """Return the needles of (raw, normalised) identifiers."""
    return Needles({needle: name for pair in identifiers for needle, name in forms(*pair)})
