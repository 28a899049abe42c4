"""From a partner's table to checked batches in the wire schema; knows no tokens and no service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom_client.blinding.secret import PersonKey
from cleanroom_client.identifiers.columns import identities
from cleanroom_client.identifiers.kinds import KeyType, columns_of
from cleanroom_client.tables import values
from cleanroom_client.tables.errors import BadInput, WrongValue
from cleanroom_client.tables.headers import resolve
from cleanroom_client.tables.report import Tally, UploadReport
from cleanroom_client.tables.schema import REF_BYTES, Batch, token_column, wire_schema
from cleanroom_client.tables.sources import RawBatch, Tabular, open_source
from cleanroom_client.tables.spec import (
    CONSENT_AT,
    CONSENT_UNTIL,
    OCCURRED_AT,
    PERSON,
    PURPOSES_COLUMN,
    DatasetSpec,
    Unit,
)

BATCH_ROWS = 10_000


class TableReader:
    """A partner's table, checked while it is read; each iteration reads it anew, alike.

    Requires a source that does not change meanwhile. Ensures that every batch has exactly the
    wire schema, that rows without any match key are left out, and that raw values stay behind:
    a batch holds identities and codes only.
    """

    def __init__(
        self,
        table: Tabular,
        spec: DatasetSpec,
        *,
        mapping: Mapping[str, str] | None = None,
        region: str | None = None,
        person_key: PersonKey | None = None,
        delimiter: str = ",",
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        """Open the table and find its columns; raise BadInput.

        `region` (ISO 3166, two capitals) is for phones without a country code. Without a
        `person_key`, or without the column `person`, references are null.
        """
        self._spec = spec
        self._source = open_source(table, delimiter)
        self._places = resolve(self._source, spec, mapping or {})
        self._region = _checked_region(region, self._source.name)
        self._person_key = person_key
        self._batch_rows = batch_rows
        self._schema = wire_schema(spec)
        self._tally = Tally()

    @property
    def schema(self) -> pa.Schema:
        """The schema of every batch's table."""
        return self._schema

    @property
    def report(self) -> UploadReport:
        """What became of the rows read so far; of all of them once the iteration has ended."""
        return self._tally.report()

    def __iter__(self) -> Iterator[Batch]:
        """Yield batches of at most `batch_rows` rows; raise BadInput at the first bad one."""
        self._tally = Tally()
        for raw in self._source.batches(self._batch_rows):
            batch = self._checked(raw)
            if batch.table.num_rows:
                yield batch
        self._check_not_empty()

    def _check_not_empty(self) -> None:
        if self._tally.rows == 0:
            raise BadInput("there is a header but no row", file=self._source.name)
        if self._tally.without_key == self._tally.rows:
            keys = " or ".join(key for key in self._spec.key_columns() if key in self._places)
            message = f"no row has a usable match key in {keys}: is the right column mapped?"
            raise BadInput(message, file=self._source.name)

    def _checked(self, raw: RawBatch) -> Batch:
        keys = {key_type: self._identities(raw, key_type) for key_type in self._spec.keys}
        table = pa.Table.from_arrays(list(self._columns(raw)), schema=self._schema)
        self._check_consent(raw, table)
        keep = [any(row) for row in zip(*keys.values(), strict=True)]
        self._tally.add_rows(np.array(raw.row_hashes, dtype=np.int64))
        self._tally.without_key += keep.count(False)
        kept = table.filter(pa.array(keep, pa.bool_()))
        self._tally.without_consent += pc.sum(pc.equal(kept["purposes"], 0)).as_py() or 0
        return Batch(table=kept, identities={k: _kept(v, keep) for k, v in keys.items()})

    def _identities(self, raw: RawBatch, key_type: KeyType) -> list[bytes | None]:
        """Return the identities of one key type: from the plain column, else from the hashed."""
        found: list[bytes | None] = [None] * len(raw.lines)
        for column in columns_of(key_type):
            if column in self._places:
                texts = raw.columns[self._places[column]]
                more, rejects = identities(column, texts, self._region)
                self._tally.add_rejects(column, rejects)
                found = [a or b for a, b in zip(found, more.to_pylist(), strict=True)]
        return found

    def _columns(self, raw: RawBatch) -> Iterator[pa.Array]:
        """Yield the wire columns in the order of the schema."""
        spec, rows = self._spec, len(raw.lines)
        yield self._references(raw)
        for key_type in spec.keys:
            at = self._schema.get_field_index(token_column(key_type))
            yield pa.nulls(rows, self._schema.field(at).type)
        for name, domain in spec.dimensions.items():
            yield self._integers(raw, name, values.in_domain(domain), pa.int16())
        if spec.arm is not None:
            yield self._integers(raw, spec.arm.column, values.in_arm(spec.arm), pa.int8())
        for name in spec.counts:
            yield self._integers(raw, name, values.whole)
        for name, unit in spec.uploaded_measures().items():
            yield self._measure(raw, name, unit)
        for name, domain in spec.event_filters.items():
            yield self._integers(raw, name, values.in_domain(domain), pa.int16())
        yield self._integers(raw, OCCURRED_AT, values.moment) if spec.timed else _same(0, rows)
        yield self._integers(raw, PURPOSES_COLUMN, values.purposes)
        yield self._integers(raw, CONSENT_AT, values.moment_or_zero)
        yield self._integers(raw, CONSENT_UNTIL, values.moment_or_zero)

    def _references(self, raw: RawBatch) -> pa.Array:
        key = self._person_key
        if key is None or PERSON not in self._places:
            return pa.nulls(len(raw.lines), pa.binary(REF_BYTES))
        texts = pc.utf8_trim_whitespace(raw.columns[self._places[PERSON]]).to_pylist()
        refs = [key.reference(text) if text else None for text in texts]
        return pa.array(refs, pa.binary(REF_BYTES))

    def _measure(self, raw: RawBatch, name: str, unit: Unit) -> pa.Array:
        match unit:
            case Unit.ROWS:
                raise AssertionError("a measure in rows has no column")
            case Unit.MINOR:
                return self._integers(raw, name, values.amount)
            case Unit.COUNT:
                return self._integers(raw, name, values.whole)

    def _integers(
        self,
        raw: RawBatch,
        column: str,
        convert: values.Convert,
        kind: pa.DataType | None = None,
    ) -> pa.Array:
        """Convert each distinct text once; on failure name the line where it first stands."""
        texts = pc.utf8_trim_whitespace(raw.columns[self._places[column]]).dictionary_encode()
        numbers: list[int] = []
        # The dictionary is in order of first appearance, so the first failure is the first line.
        for text in texts.dictionary.to_pylist():
            try:
                numbers.append(convert(text))
            except WrongValue as error:
                row = pc.index(texts.indices, len(numbers)).as_py()
                raise self._bad(raw, row, column, str(error)) from None
        return pa.array(numbers, kind or pa.int64()).take(texts.indices)

    def _check_consent(self, raw: RawBatch, table: pa.Table) -> None:
        """Refuse purposes without both times, and times in the wrong order."""
        given = pc.not_equal(table["purposes"], 0)
        for column in (CONSENT_AT, CONSENT_UNTIL):
            missing = pc.index(pc.and_(given, pc.equal(table[column], 0)), True).as_py()
            if missing >= 0:
                raise self._bad(raw, missing, column, "purposes are given, so a time is needed")
        reversed_ = pc.and_(given, pc.less(table[CONSENT_UNTIL], table[CONSENT_AT]))
        row = pc.index(reversed_, True).as_py()
        if row >= 0:
            message = "consent ends before it begins: are the two columns swapped?"
            raise self._bad(raw, row, CONSENT_UNTIL, message)

    def _bad(self, raw: RawBatch, row: int, column: str, message: str) -> BadInput:
        return BadInput(
            message,
            file=self._source.name,
            line=raw.lines[row],
            column=self._source.headers[self._places[column]],
            unit=self._source.unit,
        )


def _same(value: int, rows: int) -> pa.Array:
    return pa.array(np.full(rows, value, dtype=np.int64))


def _kept(column: Sequence[bytes | None], keep: Sequence[bool]) -> list[bytes | None]:
    return [value for value, kept in zip(column, keep, strict=True) if kept]


def _checked_region(region: str | None, file: str) -> str | None:
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        message = "the region for phones must be a code of two capitals, such as DE or RU"
        raise BadInput(message, file=file)
    return region
