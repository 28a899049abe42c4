"""Which column of a partner's table becomes which integers of the wire; reads no table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from cleanroom_client.tables import plain_values, values
from cleanroom_client.tables.plain_values import ConvertAll
from cleanroom_client.tables.spec import OCCURRED_AT, DatasetSpec, Unit

_AT_ONCE: Mapping[values.Convert, ConvertAll] = MappingProxyType(
    {
        values.amount: plain_values.amounts,
        values.whole: plain_values.wholes,
        values.moment: plain_values.moments,
        values.moment_or_zero: plain_values.moments,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A column, what makes a number of each of its texts, and the numbers' type on the wire.

    `convert_all`, if there is one, makes the same of many texts at once, as far as they are plain.
    """

    column: str
    convert: values.Convert
    convert_all: ConvertAll | None
    kind: pa.DataType


def conversions(spec: DatasetSpec) -> tuple[Conversion, ...]:
    """Return one for each integer column before those of consent, in the order of the wire schema.

    The time of rows that are no events is not among them: it is 0.
    """
    return tuple(conversion(*each) for each in _all(spec))


def conversion(column: str, convert: values.Convert, kind: pa.DataType | None = None) -> Conversion:
    """Return the conversion of a column whose texts `convert` takes one by one."""
    return Conversion(
        column=column,
        convert=values.remembered(convert),
        convert_all=_AT_ONCE.get(convert),
        kind=kind or pa.int64(),
    )


def _all(spec: DatasetSpec) -> Iterator[tuple[str, values.Convert, pa.DataType]]:
    for name, domain in spec.dimensions.items():
        yield name, values.in_domain(domain), pa.int16()
    if spec.arm is not None:
        yield spec.arm.column, values.in_arm(spec.arm), pa.int8()
    for name in spec.counts:
        yield name, values.whole, pa.int64()
    for name, unit in spec.uploaded_measures().items():
        yield name, _of_measure(unit), pa.int64()
    for name, domain in spec.event_filters.items():
        yield name, values.in_domain(domain), pa.int16()
    if spec.timed:
        yield OCCURRED_AT, values.moment, pa.int64()


def _of_measure(unit: Unit) -> values.Convert:
    match unit:
        case Unit.ROWS:
            raise AssertionError("a measure in rows has no column")
        case Unit.MINOR:
            return values.amount
        case Unit.COUNT:
            return values.whole
