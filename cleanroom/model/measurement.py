"""A released answer as a value with one canonical JSON form; must not know protobuf or storage.

Every number in it is noisy or public; nothing exact gets this far.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cleanroom.model.dataset import Cell

MEASUREMENT_VERSION = "cleanroom-measurement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One estimated number: `value` with a two-sided interval that carries sampling and noise.

    `noise_sd` is what the mechanism added, `sampling_se` what chance in people adds (None for a
    plain count, where the people asked about are the population). `undefined` says in words why
    there is no value; then value, low and high are None.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    noise_sd: float | None
    sampling_se: float | None
    undefined: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellResult:
    """Statistics and figures of one cell; a suppressed cell has the same shape with None.

    `consistent` are the statistics made to fit together (analysis/consistency.py); no figure is
    computed from them.
    """

    cell: Cell
    suppressed: bool
    statistics: tuple[tuple[str, int | None], ...]  # raw noisy integers, never post-processed
    consistent: tuple[tuple[str, float | None], ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyStatistic:
    """The effective parameters of one released statistic: discrete Gaussian of this scale."""

    name: str
    scale: float
    contribution_bound: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Everything an answer says, see docs/measurement-format.md."""

    family: str
    question: dict[str, object]  # canonical, with every default spelled out
    question_digest: str
    collaboration: str
    policy_digest: str
    versions: tuple[tuple[str, str], ...]  # (dataset, version)
    epoch_s: int
    design: str | None
    adjustment: str | None
    pooled: tuple[tuple[str, int | None], ...]  # raw noisy, of a first stage over all cells
    dimensions: tuple[str, ...]
    cells: tuple[CellResult, ...]
    level: float
    mechanism: str
    parameters: tuple[NoisyStatistic, ...]
    suppression_line: int
    minimum_people: int
    debits: tuple[tuple[str, int], ...]  # (ledger, nano-rho)
    engine: str

    def to_json(self) -> dict[str, object]:
        """Return plain dicts, lists, strings and numbers; the version comes as `!v`."""
        return {"!v": MEASUREMENT_VERSION} | asdict(self)
