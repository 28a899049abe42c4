"""Cells of a table as integers, or the place of the first that is none; knows no spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from cleanroom_client.tables.conversions import Conversion
from cleanroom_client.tables.errors import BadInput, WrongValue
from cleanroom_client.tables.raw import RawBatch
from cleanroom_client.tables.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The columns of a source by their names in the policy: `places` gives their positions."""

    source: Source
    places: Mapping[str, int]

    def __contains__(self, column: str) -> bool:
        """Tell whether the table has the column."""
        return column in self.places

    def encoded(self, raw: RawBatch, column: str) -> tuple[pa.Array, pa.Array]:
        """Return a column's different texts, trimmed, and for each row the place of its own."""
        encoded = raw.columns[self.places[column]].dictionary_encode()
        return pc.utf8_trim_whitespace(encoded.dictionary), encoded.indices

    def integers(self, raw: RawBatch, conversion: Conversion) -> pa.Array:
        """Convert each distinct text once; raises BadInput for the first that is wrong."""
        texts, indices = self.encoded(raw, conversion.column)
        numbers = conversion.convert_all(texts) if conversion.convert_all else None
        if numbers is None:
            one_by_one = self._one_by_one(raw, conversion, texts, indices)
            numbers = pa.array(one_by_one, conversion.kind)
        return numbers.take(indices)

    def _one_by_one(
        self, raw: RawBatch, conversion: Conversion, texts: pa.Array, indices: pa.Array
    ) -> list[int]:
        """Return each text's number; on failure name the line where it first stands."""
        numbers: list[int] = []
        # The dictionary is in order of first appearance, so the first failure is the first line.
        for text in texts.to_pylist():
            try:
                numbers.append(conversion.convert(text))
            except WrongValue as error:
                row = pc.index(indices, len(numbers)).as_py()
                raise self.bad(raw, row, conversion.column, str(error)) from None
        return numbers

    def bad(self, raw: RawBatch, row: int, column: str, message: str) -> BadInput:
        """Return the error for a cell."""
        return BadInput(
            message,
            file=self.source.name,
            line=raw.line_of(row),
            column=self.source.headers[self.places[column]],
            unit=self.source.unit,
        )
