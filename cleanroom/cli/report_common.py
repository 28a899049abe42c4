"""What every section of the report reads, and the small parts that several are made of."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cleanroom.analysis.log_report import LogReport, Number, Row, Tally
from cleanroom.audit.rows import Found
from cleanroom.cli.report_data import Standing
from cleanroom.cli.report_parts import Sources, table
from cleanroom.usecases.audit_report import AuditReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a section reads, and where it notes the numbers that it shows."""

    report: AuditReport
    standing: Standing
    sources: Sources

    @property
    def log(self) -> LogReport:
        """The numbers of the log."""
        return self.report.log


def merged(numbers: list[Number]) -> Number | None:
    """Return the sum of numbers and the entries of all; None for none."""
    if not numbers:
        return None
    entries = sorted({index for number in numbers for index in number.entries})
    return Number(value=sum(n.value for n in numbers), entries=tuple(entries))


def rows_of(shown: Shown, tally: str) -> tuple[Row, ...]:
    """Return the rows of a tally."""
    return shown.log.tally(tally).rows


def value_of(row: Row) -> int:
    """Return the sum of a row."""
    return sum(number.value for number in row.numbers if number is not None)


def total_of(shown: Shown, tally: Tally, column: int) -> Element | str:
    """Return the sum of a column, as a link to its entries."""
    numbers = [n for row in tally.rows if (n := row.numbers[column]) is not None]
    total = merged(numbers) or Number(value=0, entries=())
    return shown.sources.count(f"{tally.title}: {tally.columns[column]}", total)


def tally_table(shown: Shown, tally: Tally) -> Element:
    """Return a tally as a table of links."""
    rows = (
        (
            *row.labels,
            *(
                shown.sources.count(f"{column}, {', '.join(row.labels)}", number)
                for column, number in zip(tally.columns, row.numbers, strict=True)
            ),
        )
        for row in tally.rows
    )
    first = len(tally.labels)
    numbers = range(first, first + len(tally.columns))
    return table((*tally.labels, *tally.columns), rows, numbers=numbers)


def entry_link(shown: Shown, one: Found) -> Element:
    """Return the index of an entry, as a link."""
    return shown.sources.number(
        f"entry {one.index}, {one.entry.kind}", str(one.index), (one.index,)
    )
