"""From a partner's table to checked batches in the wire schema; knows no tokens and no service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom_client.arrow_items import ITEM
from cleanroom_client.blinding.secret import PersonKey
from cleanroom_client.identifiers.columns import identities
from cleanroom_client.identifiers.kinds import KeyType, columns_of
from cleanroom_client.tables.cells import Cells
from cleanroom_client.tables.consent_columns import Consents, consents_of
from cleanroom_client.tables.conversions import conversions
from cleanroom_client.tables.errors import BadInput
from cleanroom_client.tables.headers import resolve
from cleanroom_client.tables.raw import RawBatch
from cleanroom_client.tables.report import UploadReport
from cleanroom_client.tables.row_hashes import row_hashes
from cleanroom_client.tables.schema import REF_BYTES, Batch, token_column, wire_schema
from cleanroom_client.tables.sources import Tabular, open_source
from cleanroom_client.tables.spec import PERSON, DatasetSpec
from cleanroom_client.tables.tally import Tally

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
        self._cells = Cells(source=self._source, places=self._places)
        self._conversions = conversions(spec)
        self._read_consents = consents_of(spec, self._cells)
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
        consents = self._read_consents(raw)
        table = pa.Table.from_arrays(list(self._columns(raw, consents)), schema=self._schema)
        self._tally.add_rows(row_hashes(raw.columns))
        keep = _some_key(keys)
        self._tally.without_key += raw.rows - keep.true_count
        self._tally.add_without_consent(consents.counted(keep))
        return _kept(table, keys, keep)

    def _identities(self, raw: RawBatch, key_type: KeyType) -> pa.FixedSizeBinaryArray:
        """Return the identities of one key type: from the plain column, else from the hashed."""
        found = pa.nulls(raw.rows, ITEM)
        for column in columns_of(key_type):
            if column in self._places:
                texts = raw.columns[self._places[column]]
                more, rejects = identities(column, texts, self._region)
                self._tally.add_rejects(column, rejects)
                found = more if found.null_count == raw.rows else pc.coalesce(found, more)
        return found

    def _columns(self, raw: RawBatch, consents: Consents) -> Iterator[pa.Array]:
        """Yield the wire columns in the order of the schema."""
        yield self._references(raw)
        for key_type in self._spec.keys:
            yield pa.nulls(raw.rows, self._schema.field(token_column(key_type)).type)
        for conversion in self._conversions:
            yield self._cells.integers(raw, conversion)
        if not self._spec.timed:
            yield pa.array(np.zeros(raw.rows, np.int64))  # the time of what is no event
        yield from consents.columns()

    def _references(self, raw: RawBatch) -> pa.Array:
        key = self._person_key
        if key is None or PERSON not in self._places:
            return pa.nulls(raw.rows, pa.binary(REF_BYTES))
        return key.references(pc.utf8_trim_whitespace(raw.columns[self._places[PERSON]]))


def _some_key(keys: Mapping[KeyType, pa.FixedSizeBinaryArray]) -> pa.BooleanArray:
    """Return which rows have an identity of at least one key type."""
    return reduce(pc.or_, (column.is_valid() for column in keys.values()))


def _kept(
    table: pa.Table, keys: Mapping[KeyType, pa.FixedSizeBinaryArray], keep: pa.BooleanArray
) -> Batch:
    if keep.true_count == len(keep):
        return Batch(table=table, identities=keys)
    kept = {key_type: column.filter(keep) for key_type, column in keys.items()}
    return Batch(table=table.filter(keep), identities=kept)


def _checked_region(region: str | None, file: str) -> str | None:
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        message = "the region for phones must be a code of two capitals, such as DE or RU"
        raise BadInput(message, file=file)
    return region
