"""Time, entropy and the engine as arguments; must not know where they come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from cleanroom.analysis.request import ExactRequest, Statistics
from cleanroom.model.dataset import DatasetSchema, KeyType, VersionRef
from cleanroom.model.subject import PersonHeld
from cleanroom.model.withdrawal import Marks
from cleanroom.ports.tables import Sealed, SealedTables


class Clock(Protocol):
    """Wall time."""

    def now_s(self) -> int:
        """Return unix seconds."""


class Entropy(Protocol):
    """The operating system's randomness."""

    def token_bytes(self, n: int) -> bytes:
        """Return n unpredictable bytes."""

    def points(self, n: int) -> list[bytes]:
        """Return n random points of Curve25519's prime-order subgroup, as 32-byte u."""


class Curve(Protocol):
    """Curve25519 in bulk."""

    def multiply(self, points: bytes, secret: bytes) -> bytes:
        """Return each packed u-coordinate raised to a secret of 32 bytes, clamped (RFC 7748).

        Requires canonical points, none of low order. The secret decides neither branch nor address.
        """


class Engine(Protocol):
    """Computes exact integers; several threads may call at once."""

    @property
    def name(self) -> str:
        """Name and version, told in every measurement."""

    def warm(self) -> None:
        """Load what the first request would wait for; never needed."""

    def exact(
        self, request: ExactRequest, load: Callable[[VersionRef], SealedTables]
    ) -> Statistics:
        """Return every statistic of the request for every cell."""


class Sealer(Protocol):
    """Reads uploaded chunks (Arrow IPC, the wire schema) and makes a version of them."""

    def check_chunk(self, data: bytes, schema: DatasetSchema, *, points: bool) -> int:
        """Return the number of rows; with `points`, keys must be acceptable curve points.

        Raises FieldInvalid naming the column and what was expected, or BadElement.
        """

    def elements(
        self,
        data: bytes,
        keys: Iterable[KeyType],
        sealable: tuple[int, ...],
        marks: Marks | None = None,
    ) -> Mapping[KeyType, bytes]:
        """Return the elements of key columns of one chunk, 32 bytes each, packed, in row order.

        Only of rows that enter a version: those that hold all bits of one of `sealable`, and no
        reference that withdrew since the row's consent.
        """

    def seal(
        self,
        chunks: Iterable[bytes],
        schema: DatasetSchema,
        tokens: Mapping[KeyType, Iterable[tuple[bytes, bytes]]],
        sealable: tuple[int, ...],
        marks: Marks | None = None,
    ) -> Sealed:
        """Return the version of all rows but those of people who withdrew since their consent.

        Requires of `chunks`, where there are marks, that they can be read several times.

        `tokens` maps packed elements to packed tokens, position by position, in parts; a key type
        that is absent holds its tokens in the rows already. A row enters if it holds all bits of one of
        `sealable`.
        """

    def find(self, tables: SealedTables, values: bytes) -> Sequence[int]:
        """Return the number of the person of each packed 16-byte reference, -1 where nobody's.

        A reference is the owner's own, or the first half of a final token.
        """

    def references_of(self, tables: SealedTables, people: Collection[int]) -> bytes:
        """Return, packed, all 16-byte references of some people."""

    def person_held(self, tables: SealedTables, person: int, schema: DatasetSchema) -> PersonHeld:
        """Return what the version, sealed under the schema, holds of one person."""

    def without(
        self, tables: SealedTables, people: Collection[int]
    ) -> tuple[Sealed, Callable[[int], int]]:
        """Return the version that sealing makes of all other people, and what numbers became.

        Of who is not in it any more the number is -1.
        """

    def held_tokens(self, halves: bytes) -> Callable[[bytes, bytes], tuple[bytes, bytes]]:
        """Return what leaves of packed elements and their tokens those that begin with a half.

        `halves` are packed 16-byte references.
        """
