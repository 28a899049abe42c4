"""The question that finds where to clip a measure, as a canonical value; must not know policies."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cleanroom.model.buckets import check_ascending
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import Filters, Window, canonical_filters
from cleanroom.model.family import Family
from cleanroom.model.names import check_column, check_label

QUANTILE_STEPS = 10_000  # a quantile has at most four decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionBound:
    """The smallest grid value that a share `quantile` of one dataset's people do not exceed.

    People are those whose sum of `measure`, over events inside `window` that pass `filters`, is
    above zero: where most people have nothing, a quantile of all would be nothing.
    `grid` is public, ascending and positive; the policy's bound always ends it.
    """

    dataset: str
    measure: str
    quantile: Fraction
    grid: tuple[int, ...]
    window: Window | None = None
    filters: Filters = ()

    def __post_init__(self) -> None:
        """Check names, grid and quantile; filters are kept sorted."""
        check_label(self.dataset, "dataset")
        check_column(self.measure, "measure")
        check_ascending(self.grid, "grid")
        if self.grid[0] <= 0:
            raise FieldInvalid(field="grid", expected="values above zero")
        if not 0 < self.quantile < 1 or QUANTILE_STEPS % self.quantile.denominator:
            raise FieldInvalid(
                field="quantile", expected="more than 0 and less than 1, at most four decimals"
            )
        object.__setattr__(self, "filters", canonical_filters(self.filters))

    @property
    def datasets(self) -> tuple[str]:
        """The one dataset asked about."""
        return (self.dataset,)

    @property
    def by(self) -> tuple[str, ...]:
        """No dimensions: one answer for all."""
        return ()

    @property
    def family(self) -> Family:
        """The family that the policy must grant: the bound serves a lift."""
        return Family.SALES_LIFT

    @property
    def quantile_text(self) -> str:
        """The quantile as its one decimal text, `0.95`."""
        steps = int(self.quantile * QUANTILE_STEPS)
        return f"0.{steps:04d}".rstrip("0")

    def points(self, bound: int) -> tuple[int, ...]:
        """Return the grid below `bound`, the most that one person counts, and `bound` itself."""
        return (*(value for value in self.grid if value < bound), bound)
