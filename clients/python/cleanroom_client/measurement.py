"""A released answer as a partner reads it, taken from a verified receipt and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cleanroom.audit.errors import AuditError
from cleanroom.audit.note import NoteVerifier
from cleanroom.audit.receipt import verify_receipt
from cleanroom_client.errors import ReceiptRefused

if TYPE_CHECKING:
    import pandas as pd

    from cleanroom_client.costs import CellCosts, Cost

VERSION = "cleanroom-measurement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One estimated number with a two-sided interval that carries sampling and noise.

    `undefined` says in words why there is no value.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    noise_sd: float | None
    sampling_se: float | None
    undefined: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """One cell: its values by dimension, and its figures, or that it is suppressed."""

    cell: tuple[str, ...]
    suppressed: bool
    statistics: Mapping[str, int | None]  # raw noisy integers
    consistent: Mapping[str, float | None]  # the same made to fit together: none negative, ...
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure:
        """Return the figure called `name`; raises KeyError."""
        figure = self.first(name)
        if figure is None:
            raise KeyError(name)
        return figure

    def first(self, *names: str) -> Figure | None:
        """Return the first figure that has one of the names, or None."""
        return next((f for f in self.figures if f.name in names), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measurement and the receipt that proves it; see docs/measurement-format.md.

    `epoch_s` is the start of the UTC day whose consent counted; debits are in 1e-9 of rho.
    """

    family: str
    question: Mapping[str, Any]
    question_digest: str
    collaboration: str
    policy_digest: str
    versions: tuple[tuple[str, str], ...]
    epoch_s: int
    design: str | None
    adjustment: str | None
    pooled: Mapping[str, int | None]  # raw noisy integers of a first stage
    dimensions: tuple[str, ...]
    cells: tuple[CellResult, ...]
    level: float
    mechanism: str
    parameters: tuple[Mapping[str, Any], ...]
    suppression_line: int
    minimum_people: int
    debits: tuple[tuple[str, int], ...]
    engine: str
    receipt: bytes
    text: str  # the measurement's exact text

    @classmethod
    def from_receipt(cls, receipt: bytes, log_key: NoteVerifier) -> Self:
        """Verify a receipt against the log's key, and only then read its measurement.

        Raises ReceiptRefused.
        """
        try:
            verified = verify_receipt(receipt, log_key)
        except AuditError as error:
            raise ReceiptRefused(str(error)) from error
        return cls._read(receipt, verified.measurement.decode())

    @classmethod
    def _read(cls, receipt: bytes, text: str) -> Self:
        """Return the measurement of verified text; raises ReceiptRefused for another form."""
        try:
            value = json.loads(text)
            if value.pop("!v") != VERSION:
                raise ValueError(f"its version is not {VERSION}")  # noqa: TRY301 - one door out
            return cls(**_typed(value), receipt=receipt, text=text)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ReceiptRefused(
                f"the receipt is genuine, but its measurement has a form this version does not "
                f"know ({error}): install a newer version"
            ) from error

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets that were asked about."""
        return tuple(dataset for dataset, _ in self.versions)

    def only(self, name: str) -> Figure:
        """Return a figure of a measurement without breakdown; raises KeyError, ValueError."""
        (cell,) = self.cells
        return cell.figure(name)

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as plain JSON values, as it was released."""
        value: dict[str, Any] = json.loads(self.text)
        return value

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each cell and figure, the dimensions as columns.

        Amounts are in minor units, as `unit` says. A suppressed cell has no figures' values.
        """
        import pandas as pd  # noqa: PLC0415 - a second to load, for those who want a frame

        names = (*self.dimensions, "suppressed", *Figure.__dataclass_fields__)
        return pd.DataFrame(list(self._rows()), columns=list(names))

    def _rows(self) -> Iterator[Sequence[Any]]:
        fields = tuple(Figure.__dataclass_fields__)
        for cell in self.cells:
            for figure in cell.figures:
                yield (*cell.cell, cell.suppressed, *(getattr(figure, name) for name in fields))

    def costs(self, *, cost_minor: Cost, margin: float | None = None) -> tuple[CellCosts, ...]:
        """Return iROAS, ROMI or the cost of one and of one more, from a cost in minor units.

        A breakdown takes a cost for each cell, `{"ufa": 1_000_000}`. Nothing is sent to anybody.
        Raises CostUnusable.
        """
        from cleanroom_client.costs import costs  # noqa: PLC0415 - it reads measurements

        return costs(self, cost_minor, margin)

    def in_words(self) -> str:
        """Return the answer in plain words: what it says, how sure, what it cost, what not."""
        from cleanroom_client.words import in_words  # noqa: PLC0415 - it reads measurements

        return in_words(self)

    def save(self, path: Path | str) -> None:
        """Write the receipt, which anybody with the log's key can verify offline."""
        Path(path).write_bytes(self.receipt)


def _typed(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement's fields with tuples and value classes in place of lists and dicts."""
    typed = dict(value)
    typed["versions"] = tuple((str(d), str(v)) for d, v in value["versions"])
    typed["debits"] = tuple((str(ledger), int(cost)) for ledger, cost in value["debits"])
    typed["pooled"] = {str(name): number for name, number in value["pooled"]}
    typed["dimensions"] = tuple(value["dimensions"])
    typed["parameters"] = tuple(value["parameters"])
    typed["level"] = float(value["level"])
    typed["cells"] = tuple(_cell(cell, len(typed["dimensions"])) for cell in value["cells"])
    return typed


def _cell(value: Mapping[str, Any], dimensions: int) -> CellResult:
    if len(value["cell"]) != dimensions:
        raise ValueError("a cell does not have one value for each dimension")
    return CellResult(
        cell=tuple(value["cell"]),
        suppressed=bool(value["suppressed"]),
        statistics={str(name): number for name, number in value["statistics"]},
        consistent={
            str(name): None if number is None else float(number)
            for name, number in value["consistent"]
        },
        figures=tuple(_figure(figure) for figure in value["figures"]),
    )


def _figure(value: Mapping[str, Any]) -> Figure:
    numbers = ("value", "low", "high", "noise_sd", "sampling_se")
    # Canonical JSON writes 2.0 as 2.
    floats = {n: None if value[n] is None else float(value[n]) for n in numbers}
    return Figure(**{**value, **floats})
