"""From a table of people to keyed references to them; knows no service and no terminal.

Identifiers stay on this machine: a reference is what uploaded rows hold in their place, so that
the service finds the rows by it and learns nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.arrow_items import ITEM, pack
from cleanroom_client.blinding.secret import PersonKey
from cleanroom_client.identifiers.columns import identities
from cleanroom_client.identifiers.kinds import KeyType, columns_of
from cleanroom_client.packed import ITEM_BYTES
from cleanroom_client.tables.errors import BadInput, join_names
from cleanroom_client.tables.headers import check_unique
from cleanroom_client.tables.raw import RawBatch
from cleanroom_client.tables.sources import Source, Tabular, open_source
from cleanroom_client.tables.spec import PERSON
from cleanroom_client.tokens import Tokens

_BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """A table that names people, and how to read it; `mapping` is {column: header}.

    `keys` are the policy's key types, none where only person references can be made.
    """

    table: Tabular
    keys: tuple[KeyType, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","
    region: str | None = None

    def columns(self) -> tuple[str, ...]:
        """Return the columns that can name a person."""
        return (PERSON, *(str(c) for key in self.keys for c in columns_of(key)))


def references(
    people: People, person_key: PersonKey, tokens: Tokens | None
) -> list[pb.PersonReference]:
    """Return the references of every row, in order, each once.

    A row names one person, by any of its columns; all of them are used. `tokens` makes those of
    match keys. Raises BadInput for a table without such a column and, naming the line, for a row
    without a usable value: nobody whom the table means is left out in silence.
    """
    source = open_source(people.table, people.delimiter)
    places = _places(source, people)
    found: dict[tuple[str, bytes], None] = {}
    rows = 0
    for raw in source.batches(_BATCH_ROWS):
        rows += raw.rows
        for kind, values in _checked(source, raw, people, places, person_key).items():
            made = _values(values) if kind == PERSON else _tokens(values, KeyType(kind), tokens)
            found |= dict.fromkeys((kind, value) for value in made)
    if not rows:
        raise BadInput("there is a header but no row", file=source.name)
    return [pb.PersonReference(kind=kind, value=value) for kind, value in found]


def _places(source: Source, people: People) -> dict[str, int]:
    """Return where the columns that name people are; raises BadInput where there are none."""
    check_unique(source)
    headers, known = list(source.headers), people.columns()
    first = 1 if source.unit == "line" else None
    for column, header in people.mapping.items():
        if column not in known or header not in headers:
            message = (
                f"{_mapped(column, header)}: expected one of {join_names(list(known))} and one of "
                f"the headers {join_names(headers)}"
            )
            raise BadInput(message, file=source.name, line=first)
    wanted = {column: people.mapping.get(column, column) for column in known}
    places = {c: headers.index(header) for c, header in wanted.items() if header in headers}
    if not places:
        message = (
            f"no column that names people: expected one of {join_names(list(known))}, found "
            f"{join_names(headers)}; name yours with --map {known[0]}=HEADER"
        )
        raise BadInput(message, file=source.name, line=first)
    return places


def _mapped(column: str, header: str) -> str:
    return column if column == header else f"--map {column}={header}"


def _checked(
    source: Source, raw: RawBatch, people: People, places: Mapping[str, int], key: PersonKey
) -> dict[str, pa.Array]:
    """Return a column of identities for each kind, null where a row has none of it."""
    found: dict[str, pa.Array] = {}
    if PERSON in places:
        found[PERSON] = key.references(pc.utf8_trim_whitespace(raw.columns[places[PERSON]]))
    for key_type in people.keys:
        column = pa.nulls(raw.rows, ITEM)
        for name in columns_of(key_type):
            if name in places:
                more, _ = identities(name, raw.columns[places[name]], people.region)
                column = pc.coalesce(column, more)
        found[str(key_type)] = column
    _check_rows(source, raw, places, found)
    return found


def _check_rows(
    source: Source,
    raw: RawBatch,
    places: Mapping[str, int],
    found: Mapping[str, pa.Array],
) -> None:
    """Refuse a row that names nobody, and a value that is there but cannot be read."""
    for column, place in places.items():
        kind = PERSON if column == PERSON else column.removesuffix("_sha256")
        blank = pc.equal(pc.utf8_trim_whitespace(raw.columns[place]), "")
        bad = pc.index(pc.or_(blank, found[kind].is_valid()), False).as_py()
        if bad >= 0:
            message = f"this is no {kind}: correct it, or leave it empty and name the person by another column"
            raise _refused(source, raw, bad, message, source.headers[place])
    named = pa.chunked_array([pa.array([False] * raw.rows)])
    for values in found.values():
        named = pc.or_(named, values.is_valid())
    nobody = pc.index(named, False).as_py()
    if nobody >= 0:
        wanted = join_names([str(source.headers[place]) for place in places.values()])
        message = f"the row names nobody: expected a value in {wanted}"
        raise _refused(source, raw, nobody, message, None)


def _refused(source: Source, raw: RawBatch, row: int, message: str, column: str | None) -> BadInput:
    line = raw.line_of(row)
    return BadInput(message, file=source.name, line=line, column=column, unit=source.unit)


def _values(column: pa.Array) -> Iterator[bytes]:
    return (value for value in column.to_pylist() if value is not None)


def _tokens(column: pa.Array, key_type: KeyType, tokens: Tokens | None) -> Iterator[bytes]:
    if tokens is None or column.null_count == len(column):
        return
    packed = tokens.make(pack(column), key_type, lambda _: None)
    for at in range(0, len(packed), ITEM_BYTES):
        yield bytes(packed[at : at + ITEM_BYTES])
