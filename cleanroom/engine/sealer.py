"""Uploaded chunks as bytes: checks, element lists, and sealing.

Must not know uploads, relays or storage; see rows.py for what a row must be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import starmap

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom.engine import held
from cleanroom.engine.ipc import read_rows
from cleanroom.engine.layout import TOKEN_BYTES, token_column
from cleanroom.engine.leaving import staying_rows, unmarked
from cleanroom.engine.people import fixed_bytes
from cleanroom.engine.rows import checked_rows
from cleanroom.engine.sealing import seal
from cleanroom.model.consent import cared
from cleanroom.model.dataset import DatasetSchema, KeyType
from cleanroom.model.subject import PersonHeld
from cleanroom.model.withdrawal import Marks
from cleanroom.ports.tables import Sealed, SealedTables, TokenMap
from cleanroom.usecases.elements import check_points

_TOKEN = pa.binary(TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class ArrowSealer:
    """The Sealer port on PyArrow."""

    def check_chunk(self, data: bytes, schema: DatasetSchema, *, points: bool) -> int:
        """See the port."""
        table = checked_rows(read_rows(data), schema)
        for key in schema.keys if points else ():
            column = token_column(key)
            check_points(fixed_bytes(_present(table, column)), column)
        return int(table.num_rows)

    def elements(
        self,
        data: bytes,
        keys: Iterable[KeyType],
        sealable: tuple[int, ...],
        marks: Marks | None = None,
    ) -> Mapping[KeyType, bytes]:
        """See the port."""
        table = read_rows(data)
        if marks is not None:
            table = unmarked(table, marks)
        held = table["purposes"]
        serves = [pc.equal(pc.bit_wise_and(held, cared(bits)), bits) for bits in sealable]
        enters = reduce(pc.or_, serves, pc.less(held, held))  # starts from all False
        columns = table.select([token_column(key) for key in keys if _has(table, key)])
        kept = columns.filter(enters)
        return {
            key: fixed_bytes(_present(kept, token_column(key))).tobytes()
            for key in keys
            if _has(table, key)
        }

    def seal(
        self,
        chunks: Iterable[bytes],
        schema: DatasetSchema,
        tokens: Mapping[KeyType, Iterable[tuple[bytes, bytes]]],
        sealable: tuple[int, ...],
        marks: Marks | None = None,
    ) -> Sealed:
        """See the port."""
        maps = {key: starmap(_token_map, parts) for key, parts in tokens.items()}
        rows: Iterable[pa.Table] = map(read_rows, chunks)
        if marks is not None:
            rows = staying_rows(lambda: map(read_rows, chunks), schema, sealable, marks)
        return seal(rows, schema, maps, sealable)

    def find(self, tables: SealedTables, values: bytes) -> Sequence[int]:
        """See the port."""
        return held.find(tables, values)

    def references_of(self, tables: SealedTables, people: Collection[int]) -> bytes:
        """See the port."""
        return held.references_of(tables, people)

    def person_held(self, tables: SealedTables, person: int, schema: DatasetSchema) -> PersonHeld:
        """See the port."""
        return held.person_held(tables, person, schema)

    def without(
        self, tables: SealedTables, people: Collection[int]
    ) -> tuple[Sealed, Callable[[int], int]]:
        """See the port."""
        sealed, number = held.without(tables, people)
        return sealed, lambda person: int(number[person])

    def held_tokens(self, halves: bytes) -> Callable[[bytes, bytes], tuple[bytes, bytes]]:
        """See the port."""
        stored = held.Stored(halves)

        def kept(elements: bytes, tokens: bytes) -> tuple[bytes, bytes]:
            has = stored.has(tokens, TOKEN_BYTES)
            both = (
                np.frombuffer(d, dtype=np.uint8).reshape(-1, TOKEN_BYTES)
                for d in (elements, tokens)
            )
            one, other = (points.compress(has, axis=0).tobytes() for points in both)
            return one, other

        return kept


def _has(table: pa.Table, key: KeyType) -> bool:
    return token_column(key) in table.column_names  # an empty one may be left out


def _present(table: pa.Table, column: str) -> pa.FixedSizeBinaryArray:
    return table[column].combine_chunks().drop_null()


def _token_map(elements: bytes, tokens: bytes) -> TokenMap:
    return TokenMap(elements=_packed(elements), tokens=_packed(tokens))


def _packed(data: bytes) -> pa.FixedSizeBinaryArray:
    count = len(data) // TOKEN_BYTES
    return pa.FixedSizeBinaryArray.from_buffers(_TOKEN, count, [None, pa.py_buffer(data)])
