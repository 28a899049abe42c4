"""Which people of a version some references name, and all other names of them; changes nothing.

Must not know why anybody asks. In the psi scheme an owner names a key by the element that it
uploaded; the version remembers which token became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cleanroom.model.dataset import KeyType
from cleanroom.model.withdrawal import MARKED_BYTES, PersonReference
from cleanroom.ports.records import Version
from cleanroom.ports.tables import SealedTables
from cleanroom.usecases.elements import find, unpack
from cleanroom.usecases.origins import Remembered
from cleanroom.usecases.service import Service

_NOBODY = bytes(MARKED_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The person of each reference in one version, -1 where it knows none; and its tables."""

    version: Version
    tables: SealedTables = field(repr=False)
    people: tuple[int, ...]

    @property
    def found(self) -> frozenset[int]:
        """The people who were named."""
        return frozenset(self.people) - {-1}


def reach(service: Service, version: Version, references: Sequence[PersonReference]) -> Reach:
    """Return whom the references name in a version.

    Raises KeyError when it was erased, VaultDamaged.
    """
    tables = service.vault.get_version(version.id, version.file_digest)
    stored = _stored(service, version, references)
    people = service.sealer.find(tables, b"".join(stored))
    # A token that is nobody's is looked up as zeros, which are nobody's either.
    return Reach(version=version, tables=tables, people=tuple(people))


def names_of(service: Service, reached: Reach) -> Iterator[bytes]:
    """Yield the first half of each reference by which these people may come again.

    These are their references, their tokens, and the elements that the tokens were made of.
    """
    halves = service.sealer.references_of(reached.tables, reached.found)
    yield from _cut(halves, MARKED_BYTES)
    remembered = Remembered.of(service.vault, reached.version.id)
    if remembered is None or not halves:
        return
    kept = service.sealer.held_tokens(halves)
    for _, elements, tokens in remembered.pairs():
        mine, _ = kept(elements, tokens)
        yield from (element[:MARKED_BYTES] for element in _cut(mine, 2 * MARKED_BYTES))


def _stored(
    service: Service, version: Version, references: Sequence[PersonReference]
) -> list[bytes]:
    """Return what the version stores of each reference; zeros where it stores nothing."""
    remembered = Remembered.of(service.vault, version.id)
    stored = [one.value[:MARKED_BYTES] for one in references]
    if remembered is None:  # tokens were uploaded as they are
        return stored
    for key in KeyType:
        places = [at for at, one in enumerate(references) if one.kind == key]
        if places:
            of_key = _tokens(remembered, key, [references[at].value for at in places])
            for at, token in zip(places, of_key, strict=True):
                stored[at] = token[:MARKED_BYTES] or _NOBODY
    return stored


def _tokens(remembered: Remembered, key: KeyType, elements: list[bytes]) -> list[bytes]:
    """Return the token of each element, empty where the version has none."""
    wanted = unpack(b"".join(elements), key)
    tokens = [b""] * len(elements)
    for one, other in remembered.pairs_of(key):
        place = find(wanted, unpack(one, key))
        made = unpack(other, key)
        for at in np.flatnonzero(place >= 0):
            tokens[at] = made[place[at]].tobytes()
    return tokens


def _cut(packed: bytes, width: int) -> Iterator[bytes]:
    return (packed[at : at + width] for at in range(0, len(packed), width))
