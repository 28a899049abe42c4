"""An upload's elements before any party was passed: which are new, and in which part each lies.

Memory is bounded by a part and by what waits to be appended: one pass over the chunks appends their
elements to spill blobs by part, and then each part is read alone.
Must not know tasks, batches or who is passed.

Blobs of the upload: `spread` (key and number of parts); for each key type and part `spill-…-n`,
and in pieces (pieces.py) `carried-…` (elements whose tokens are known), `known-…` (those tokens),
`origin-…` (the elements to be relayed, in the order of their bytes) and later `tokens-…`, in the
order of the origin; for each key type `counts-…` (how many are carried and how many to be relayed,
by part). A version's blobs: `spread`, and piece by piece `elements-<key type>-<part>-n` and
`tokens-<key type>-<part>-n`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, pairwise

import numpy as np

from cleanroom.model.dataset import KeyType
from cleanroom.model.withdrawal import Marks
from cleanroom.ports.environment import Entropy, Sealer
from cleanroom.ports.vault import Vault
from cleanroom.usecases.elements import distinct, find, joined, unpack
from cleanroom.usecases.pieces import names_of, pieces_of
from cleanroom.usecases.planted import Points
from cleanroom.usecases.spread import KEY_BYTES, Spread, shards_for

_SPILL_ELEMENTS = 1 << 16  # of a part in one blob
_HELD_ELEMENTS = 1 << 22  # about, of all parts of a key type: however many parts there are
_SPREAD = "spread"

# From packed elements and their tokens to those of them that are kept.
Kept = Callable[[bytes, bytes], tuple[bytes, bytes]]


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

    def count(self, key: KeyType, parts: Iterable[int]) -> int:
        """Return how many elements of some parts are to be relayed."""
        _, new = self._counts(key)
        return sum(new[part] for part in parts)

    def elements(self, key: KeyType, parts: Iterable[int]) -> Iterator[Points]:
        """Yield the elements to be relayed of some parts piece by piece, in order."""
        _, new = self._counts(key)
        for part in parts:
            for name in names_of(f"origin-{key}-{part}", new[part]):
                yield unpack(self.vault.get_blob(self.upload, name), name)

    def keep_tokens(self, key: KeyType, parts: Iterable[int], tokens: Points) -> None:
        """Keep the tokens of the elements of these parts, which come in the same order."""
        self.vault.put_blobs(self.upload, self._token_blobs(key, parts, tokens))

    def _token_blobs(
        self, key: KeyType, parts: Iterable[int], tokens: Points
    ) -> Iterator[tuple[str, bytes]]:
        _, new = self._counts(key)
        start = 0
        for part in parts:
            stop = start + new[part]
            yield from pieces_of(f"tokens-{key}-{part}", tokens[start:stop])
            start = stop

    def tokens(self, key: KeyType) -> Iterator[tuple[bytes, bytes]]:
        """Yield (elements, tokens), each packed, position by position, piece by piece."""
        for part in range(self.spread.parts):
            yield from self._tokens_of(key, part)

    def _tokens_of(self, key: KeyType, part: int) -> Iterator[tuple[bytes, bytes]]:
        carried, new = self._counts(key)
        lists = (("carried", "known", carried[part]), ("origin", "tokens", new[part]))
        for elements, tokens, many in lists:
            of_both = (names_of(f"{kind}-{key}-{part}", many) for kind in (elements, tokens))
            for names in zip(*of_both, strict=True):
                one, other = (self.vault.get_blob(self.upload, name) for name in names)
                yield one, other

    def remembered(
        self, keys: Iterable[KeyType], kept: Kept | None = None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the blobs by which a version remembers its tokens, or those that are `kept`."""
        pairs = (
            (f"{key}-{part}-{number}", *pair)
            for key in keys
            for part in range(self.spread.parts)
            for number, pair in enumerate(self._tokens_of(key, part))
        )
        return _blobs(self.spread, pairs, kept)

    def _counts(self, key: KeyType) -> list[list[int]]:
        """Return how many elements are carried, and how many to be relayed, of each part."""
        data = np.frombuffer(self.vault.get_blob(self.upload, f"counts-{key}"), dtype="<u4")
        carried, new = data.reshape(2, self.spread.parts).tolist()
        return [carried, new]


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
        for index in self._parts(part, parts):
            known = list(self._pieces(f"{key}-{index}"))
            place = find(elements, joined([some for some, _ in known]))
            is_known = place >= 0
            found.append(elements.compress(is_known, axis=0))
            tokens.append(joined([some for _, some in known]).take(place[is_known], axis=0))
        return [joined(found), joined(tokens)]

    def pairs(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield (place, elements, tokens) of everything that is remembered, piece by piece."""
        for key in KeyType:
            for part in range(self.spread.parts):
                for number, pair in enumerate(self._packed(f"{key}-{part}")):
                    yield f"{key}-{part}-{number}", *pair

    def pairs_of(self, key: KeyType) -> Iterator[tuple[bytes, bytes]]:
        """Yield (elements, tokens), packed, of a key type."""
        for part in range(self.spread.parts):
            yield from self._packed(f"{key}-{part}")

    def kept(self, kept: Kept) -> Iterator[tuple[str, bytes]]:
        """Yield the blobs by which a successor remembers what is `kept`."""
        return _blobs(self.spread, self.pairs(), kept)

    def _parts(self, part: int, parts: int) -> range:
        """Return the version's parts that hold what one of `parts` parts may hold."""
        mine = self.spread.parts
        return range(part * mine // parts, -(-(part + 1) * mine // parts))

    def _pieces(self, name: str) -> Iterator[tuple[Points, Points]]:
        """Yield (elements, tokens) of one of the version's parts."""
        return ((unpack(one, name), unpack(other, name)) for one, other in self._packed(name))

    def _packed(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        for number in count():
            names = [f"{kind}-{name}-{number}" for kind in ("elements", "tokens")]
            try:
                one, other = (self.vault.get_version_blob(self.version, n) for n in names)
            except KeyError:  # the last was read, or it was erased: what is left counts as new
                return
            yield one, other


def _blobs(
    spread: Spread, pairs: Iterable[tuple[str, bytes, bytes]], kept: Kept | None
) -> Iterator[tuple[str, bytes]]:
    yield _SPREAD, spread.to_bytes()
    for place, elements, tokens in pairs:
        one, other = (elements, tokens) if kept is None else kept(elements, tokens)
        yield f"elements-{place}", one
        yield f"tokens-{place}", other


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
    marks: Marks | None = None,
) -> Mapping[KeyType, int]:
    """Keep each part's carried elements and origin; return how many elements are new.

    Elements of rows that enter no version are left out: nobody is sent or remembers them.

    Reads the chunks once. A crash leaves blobs that the next try replaces, or never reads.
    """
    spills = {key: _Spill(origins=origins, key=key) for key in keys}
    for data in chunks:
        for key, packed in sealer.elements(data, keys, sealable, marks).items():
            spills[key].add(unpack(packed, key))
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
        many = np.zeros((2, parts), dtype="<u4")
        for part in range(parts):
            new = spill.taken(part)
            if remembered is not None:
                carried, known = remembered.tokens_of(new, key, part, parts)
                new = new.compress(find(new, carried) < 0, axis=0)
                many[0, part] = len(carried)
                yield from pieces_of(f"carried-{key}-{part}", carried)
                yield from pieces_of(f"known-{key}-{part}", known)
            many[1, part] = len(new)
            yield from pieces_of(f"origin-{key}-{part}", new)
        counts[key] = int(many[1].sum())
        # Last: it says which of the blobs before it are meant.
        yield f"counts-{key}", many.tobytes()


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
        parts = self.origins.spread.parts
        if parts == 1:
            # Of one part there are few rows, so that repeats may wait until they are sorted out.
            self.held.setdefault(0, []).append(points)
            return
        points = distinct(points)
        places = self.origins.spread.places(points)
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(parts + 1))
        for part, (start, stop) in enumerate(pairwise(ends)):
            if start < stop:
                self._append(part, points.take(order[start:stop], axis=0))

    def _append(self, part: int, points: Points) -> None:
        self.held.setdefault(part, []).append(points)
        self.count[part] = self.count.get(part, 0) + len(points)
        enough = min(_SPILL_ELEMENTS, _HELD_ELEMENTS // self.origins.spread.parts)
        if self.count[part] >= enough:
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
