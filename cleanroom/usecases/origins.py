"""An upload's elements before any party was passed: which are new, and in which part each lies.

Memory is bounded by a part and by what waits to be appended: one pass over the chunks appends their
elements to spill blobs by part, and then each part is read alone. Must not know tasks, batches or who is passed.

Blobs of the upload: `spread` (key and number of parts) and for each key type and part
`spill-…-n`, `carried-…` (elements whose tokens are known, then those tokens) and `origin-…` (the
elements to be relayed), for each key type `counts-…` (how many those are, by part); later `tokens-…`, in the order of the origin. A version's blobs: `spread`
and `tokens-<key type>-<part>` (elements, then their tokens).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from cleanroom.model.dataset import KeyType
from cleanroom.ports.environment import Entropy, Sealer
from cleanroom.ports.vault import Vault
from cleanroom.usecases.elements import distinct, find, joined, unpack
from cleanroom.usecases.planted import Points
from cleanroom.usecases.spread import KEY_BYTES, Spread, shards_for

_SPILL_ELEMENTS = 1 << 16  # of a part in one blob
_HELD_ELEMENTS = 1 << 22  # about, of all parts of a key type: however many parts there are
_SPREAD = "spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The elements of one upload; several threads may read, one prepares."""

    vault: Vault
    upload: str
    spread: Spread

    @classmethod
    def of(cls, vault: Vault, upload: str) -> Origins:
        """Return those of an upload that was prepared; raises KeyError for another."""
        spread = Spread.from_bytes(vault.get_blob(upload, _SPREAD))
        return cls(vault=vault, upload=upload, spread=spread)

    def parts_of(self, shard: int, shards: int) -> range:
        """Return the parts that make up one of `shards` shards."""
        each = self.spread.parts // shards
        return range(shard * each, (shard + 1) * each)

    def elements(self, key: KeyType, parts: Iterable[int]) -> Points:
        """Return the elements to be relayed of some parts, in order."""
        return joined([self._points(f"origin-{key}-{part}") for part in parts])

    def keep_tokens(self, key: KeyType, parts: Iterable[int], tokens: Points) -> None:
        """Keep the tokens of the elements of these parts, which come in the same order."""
        self.vault.put_blobs(self.upload, self._token_blobs(key, parts, tokens))

    def _token_blobs(
        self, key: KeyType, parts: Iterable[int], tokens: Points
    ) -> Iterator[tuple[str, bytes]]:
        counts = np.frombuffer(self.vault.get_blob(self.upload, f"counts-{key}"), dtype="<u4")
        start = 0
        for part in parts:
            stop = start + int(counts[part])
            yield f"tokens-{key}-{part}", tokens[start:stop].tobytes()
            start = stop

    def tokens(self, key: KeyType) -> Iterator[tuple[bytes, bytes]]:
        """Yield (elements, tokens) of all parts, each packed, position by position."""
        for part in range(self.spread.parts):
            carried = self._points(f"carried-{key}-{part}")
            half = len(carried) // 2
            elements = [carried[:half], self._points(f"origin-{key}-{part}")]
            tokens = [carried[half:], self._points(f"tokens-{key}-{part}")]
            yield joined(elements).tobytes(), joined(tokens).tobytes()

    def remembered(self, keys: Iterable[KeyType]) -> Iterator[tuple[str, bytes]]:
        """Yield the blobs by which a version remembers its tokens."""
        yield _SPREAD, self.spread.to_bytes()
        for key in keys:
            for part, (elements, tokens) in enumerate(self.tokens(key)):
                yield f"tokens-{key}-{part}", elements + tokens

    def _points(self, name: str) -> Points:
        return unpack(self.vault.get_blob(self.upload, name), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The tokens that a sealed version remembers; of an erased one, none."""

    vault: Vault
    version: str
    spread: Spread

    @classmethod
    def of(cls, vault: Vault, version: str) -> Remembered | None:
        """Return what a version remembers, or None."""
        try:
            spread = Spread.from_bytes(vault.get_version_blob(version, _SPREAD))
        except KeyError:
            return None
        return cls(vault=vault, version=version, spread=spread)

    def tokens_of(self, elements: Points, key: KeyType, part: int, parts: int) -> list[Points]:
        """Return [those elements that are remembered, their tokens] of one of `parts` parts."""
        found, tokens = [], []
        for name in self._names(key, part, parts):
            try:
                packed = unpack(self.vault.get_version_blob(self.version, name), name)
            except KeyError:  # it was erased meanwhile: what is left counts as new
                continue
            half = len(packed) // 2
            place = find(elements, packed[:half])
            found.append(elements[place >= 0])
            tokens.append(packed[half:][place[place >= 0]])
        return [joined(found), joined(tokens)]

    def _names(self, key: KeyType, part: int, parts: int) -> list[str]:
        """Return the version's parts that hold what one of `parts` parts may hold."""
        mine = self.spread.parts
        first, behind = part * mine // parts, -(-(part + 1) * mine // parts)
        return [f"tokens-{key}-{index}" for index in range(first, behind)]


def prepare(
    vault: Vault,
    upload: str,
    *,
    rows: int,
    remembered: Remembered | None,
    entropy: Entropy,
) -> Origins:
    """Return the place where the elements of so many rows are to be divided.

    Elements stay in the part where the version before has them, so that its tokens are found.
    """
    key = entropy.token_bytes(KEY_BYTES) if remembered is None else remembered.spread.key
    spread = Spread(key=key, parts=shards_for(rows))
    vault.put_blob(upload, _SPREAD, spread.to_bytes())
    return Origins(vault=vault, upload=upload, spread=spread)


def divide(
    origins: Origins,
    chunks: Iterable[bytes],
    keys: tuple[KeyType, ...],
    *,
    sealer: Sealer,
    sealable: tuple[int, ...],
    remembered: Remembered | None,
) -> Mapping[KeyType, int]:
    """Keep each part's carried elements and origin; return how many elements are new.

    Elements of rows that enter no version are left out: nobody is sent or remembers them.

    Reads the chunks once. A crash leaves blobs that the next try replaces, or never reads.
    """
    spills = {key: _Spill(origins=origins, key=key) for key in keys}
    for data in chunks:
        for key, packed in sealer.elements(data, keys, sealable).items():
            spills[key].add(distinct(unpack(packed, key)))
    counts: dict[KeyType, int] = {}
    origins.vault.put_blobs(origins.upload, _settled(origins, spills, remembered, counts))
    return counts


def _settled(
    origins: Origins,
    spills: Mapping[KeyType, _Spill],
    remembered: Remembered | None,
    counts: dict[KeyType, int],
) -> Iterator[tuple[str, bytes]]:
    """Yield the blobs of each part; count the new elements of each key type."""
    parts = origins.spread.parts
    for key, spill in spills.items():
        new_of: list[int] = []
        for part in range(parts):
            elements = spill.taken(part)
            carried = [elements[:0], elements[:0]]
            if remembered is not None:
                carried = remembered.tokens_of(elements, key, part, parts)
            new = elements[find(elements, carried[0]) < 0]
            new_of.append(len(new))
            yield f"carried-{key}-{part}", joined(carried).tobytes()
            yield f"origin-{key}-{part}", new.tobytes()
        counts[key] = sum(new_of)
        yield f"counts-{key}", np.array(new_of, dtype="<u4").tobytes()


@dataclass(slots=True, kw_only=True)
class _Spill:
    """The elements of one key type on their way from chunks to parts."""

    origins: Origins
    key: KeyType
    held: dict[int, list[Points]] = field(default_factory=dict)
    count: dict[int, int] = field(default_factory=dict)  # of elements held
    written: dict[int, int] = field(default_factory=dict)  # of blobs

    def add(self, points: Points) -> None:
        """Append points to their parts."""
        places = self.origins.spread.places(points)
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(self.origins.spread.parts + 1))
        for part, (start, stop) in enumerate(pairwise(ends)):
            if start < stop:
                self._append(part, points.take(order[start:stop], axis=0))

    def _append(self, part: int, points: Points) -> None:
        self.held.setdefault(part, []).append(points)
        self.count[part] = self.count.get(part, 0) + len(points)
        parts = self.origins.spread.parts
        if parts > 1 and self.count[part] >= min(_SPILL_ELEMENTS, _HELD_ELEMENTS // parts):
            self._write(part)

    def _write(self, part: int) -> None:
        number = self.written.get(part, 0)
        data = joined(self.held.pop(part)).tobytes()
        self.origins.vault.put_blob(self.origins.upload, self._name(part, number), data)
        self.written[part], self.count[part] = number + 1, 0

    def taken(self, part: int) -> Points:
        """Return the distinct elements of a part, which are held no longer."""
        vault, upload = self.origins.vault, self.origins.upload
        names = [self._name(part, n) for n in range(self.written.get(part, 0))]
        spilled = [unpack(vault.get_blob(upload, name), name) for name in names]
        return distinct(joined([*spilled, *self.held.pop(part, [])]))

    def _name(self, part: int, number: int) -> str:
        return f"spill-{self.key}-{part}-{number}"
