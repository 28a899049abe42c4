"""A question about people of one dataset by the others they are matched in; knows no policy."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.family import Family
from cleanroom.model.names import check_by, check_label

MIN_OVERLAP, MAX_OVERLAP = 3, 5  # datasets: two are a match rate, six make 32 patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """People of `hub` by the pattern of `others` in which each is matched.

    Each pairwise matching is that of a match rate between the hub and the other dataset. `by` are
    dimensions of the hub.
    """

    hub: str
    others: tuple[str, ...]
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check names; the others and the dimensions are kept sorted."""
        if not MIN_OVERLAP <= len(set(self.datasets)) == len(self.datasets) <= MAX_OVERLAP:
            raise FieldInvalid(field="datasets", expected="three to five different datasets")
        for dataset in self.datasets:
            check_label(dataset, "datasets")
        check_by(self.by)
        object.__setattr__(self, "others", tuple(sorted(self.others)))
        object.__setattr__(self, "by", tuple(sorted(self.by)))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The hub first."""
        return (self.hub, *self.others)

    @property
    def family(self) -> Family:
        """The family that the policy must grant."""
        return Family.SEGMENT_SIZE

    @property
    def patterns(self) -> tuple[tuple[str, ...], ...]:
        """Every set of others, the smaller first: each person of the hub is in exactly one."""
        sizes = range(len(self.others) + 1)
        return tuple(p for size in sizes for p in combinations(self.others, size))
