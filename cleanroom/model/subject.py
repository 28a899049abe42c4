"""What a sealed version holds of one person, in the words of its policy; must not know files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cleanroom.model.consent import MARKS, PURPOSES, Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonHeld:
    """Values by column; told to the owner of the dataset only, as the person may ask of them.

    `sums` are over the person's rows and not clipped; amounts in minor units. `purposes` is the
    stored bitmap. Times in unix seconds, 0 where the dataset is not timed.
    """

    rows: int
    values: Mapping[str, str] = field(repr=False)
    sums: Mapping[str, int] = field(repr=False)
    filters: Mapping[str, tuple[str, ...]] = field(repr=False)
    first_at_s: int
    last_at_s: int
    keys: tuple[str, ...]
    purposes: int
    consent_at_s: int
    consent_until_s: int

    @property
    def purpose_names(self) -> tuple[str, ...]:
        """The purposes of the controlled list, in its order."""
        return tuple(name for name, bit in PURPOSES.items() if self.purposes & bit)

    @property
    def bases(self) -> tuple[Basis, ...]:
        """What the rows rest on; of consent there is no mark."""
        marked = tuple(basis for basis, bit in MARKS.items() if bit and self.purposes & bit)
        return marked or (Basis.CONSENT,)
