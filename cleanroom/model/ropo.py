"""A question about purchases offline after contacts online; must not know policies or engines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import MAX_TIME_S, Filters, Window, canonical_filters
from cleanroom.model.family import Family
from cleanroom.model.names import check_by, check_column, check_label

MAX_DAYS = 366
DAY_S = 86_400


class RopoDefinition(StrEnum):
    """The two figures that are called "research online, purchase offline"."""

    SHARE_OF_SALES = "share_of_sales"
    CONVERSION = "conversion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ropo:
    """How many purchases follow a contact, or how many contacted people then purchase.

    A contact precedes a purchase of the same person when it is at most `days` days older and not
    younger. `share_of_sales` sums `measure`, a measure of the sales dataset, and is broken down by
    dimensions of the sales dataset; `conversion` counts people, by dimensions of the exposures.
    `window` and `filters` say which purchases count; contacts that could precede none do not.
    """

    definition: RopoDefinition
    exposures: str
    sales: str
    days: int
    measure: str | None = None
    by: tuple[str, ...] = ()
    window: Window | None = None
    filters: Filters = ()

    def __post_init__(self) -> None:
        """Check names; dimensions, filters and their values are kept sorted."""
        if self.exposures == self.sales:
            raise FieldInvalid(field="datasets", expected="two different datasets")
        for dataset in self.datasets:
            check_label(dataset, "datasets")
        if not 1 <= self.days <= MAX_DAYS:
            raise FieldInvalid(field="days", expected=f"an integer from 1 to {MAX_DAYS}")
        self._check_measure()
        check_by(self.by)
        object.__setattr__(self, "by", tuple(sorted(self.by)))
        object.__setattr__(self, "filters", canonical_filters(self.filters))

    def _check_measure(self) -> None:
        match self.definition:
            case RopoDefinition.CONVERSION:
                if self.measure is not None:
                    raise FieldInvalid(field="measure", expected="none: people are counted")
            case RopoDefinition.SHARE_OF_SALES:
                check_column(self.measure or "", "measure")

    @property
    def datasets(self) -> tuple[str, str]:
        """Exposures first, then sales."""
        return (self.exposures, self.sales)

    @property
    def family(self) -> Family:
        """The family that the policy must grant."""
        return Family.SALES_LIFT

    @property
    def counted(self) -> str:
        """The dataset whose people make the cells."""
        match self.definition:
            case RopoDefinition.CONVERSION:
                return self.exposures
            case RopoDefinition.SHARE_OF_SALES:
                return self.sales

    @property
    def days_s(self) -> int:
        """The longest time from a contact to a purchase, in seconds."""
        return self.days * DAY_S

    @property
    def contact_window(self) -> Window | None:
        """When a contact can precede a purchase of the window."""
        if self.window is None:
            return None
        from_s = max(self.window.from_s - self.days_s, -MAX_TIME_S)
        return Window(from_s=from_s, until_s=self.window.until_s)
