"""Bugs that would break the guarantee, each planted by patching what the service really calls.

Must not know which check finds them. They are put where such mistakes are made (the mechanism,
the table of sensitivities, the engine, the estimates), not into the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import ibis.expr.types as ir
import numpy as np
import pytest

from cleanroom.analysis import lift_together, parts
from cleanroom.analysis.estimate import estimate
from cleanroom.engine import exact, lift, lift_values, matching
from cleanroom.privacy import sensitivity
from cleanroom.privacy.mechanism import DiscreteGaussian
from cleanroom.usecases import compute

Patch = pytest.MonkeyPatch
Bug = Callable[[Patch], None]
_add_noise = DiscreteGaussian.add_noise


def scale_too_small(patch: Patch) -> None:
    """The noise drawn has 1 / 1.25 of the scale that was debited."""

    def add_noise(self, values):
        return _add_noise(DiscreteGaussian(self.scale / 1.25), values)

    patch.setattr(DiscreteGaussian, "add_noise", add_noise)


def cell_bound_ignored(patch: Patch) -> None:
    """One record is believed to move one cell, though a chain of matches moves several."""
    patch.setattr(sensitivity, "matched_by_own_attributes", lambda *_: 1)
    patch.setattr(sensitivity, "pairs_by_both_attributes", lambda *_: 1)


def rows_counted_for_people(patch: Patch) -> None:
    """A person is in as many cells, and as often, as they have rows."""
    consenting = matching.consenting
    sides = matching.side

    def side(session, version, tables, purposes, epoch_s):
        found = sides(session, version, tables, purposes, epoch_s)
        rows = found.events.select(row_person="person")
        persons = consenting(session.table(matching._with_uuids(tables.persons)), purposes, epoch_s)
        often = persons.join(rows, persons.person == rows.row_person).drop("row_person")
        return replace(found, persons=session.computed(often))

    patch.setattr(exact, "side", side)


def clipped_row_by_row(patch: Patch) -> None:
    """Each row is clipped to the bound, then a person's rows are added up."""
    summed, amount, clip = lift_values.values, lift_values._amount, lift_values._clipped

    def values(sales, question, request):
        def clipped(*row):
            return clip(amount(*row), request.low, request.bound)

        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(lift_values, "_amount", clipped)
            inner.setattr(lift_values, "_clipped", lambda total, *_: total)
            return summed(sales, question, request)

    patch.setattr(lift, "values", values)


def lower_bound_forgotten(patch: Patch) -> None:
    """A person's sum is cut above and not below: returns subtract without end."""
    patch.setattr(lift_values.ibis, "greatest", lambda value, _: value)


def noise_reused_by_statistics(patch: Patch) -> None:
    """One draw serves all statistics of an answer, scaled to each."""
    noise = compute.add_noise

    def add_noise(plan, exact):
        with pytest.MonkeyPatch.context() as inner:
            _share_noise(inner)
            return noise(plan, exact)

    patch.setattr(compute, "add_noise", add_noise)


def noise_reused_by_questions(patch: Patch) -> None:
    """The same seed is taken for every draw."""
    _share_noise(patch)


def _share_noise(patch: Patch) -> None:
    kept: list[float] = []

    def add_noise(self, values):
        missing = len(values) - len(kept)
        if missing > 0:
            kept.extend(v / 1e6 for v in _add_noise(DiscreteGaussian(1e6), [0] * missing))
        return [v + round(self.scale * z) for v, z in zip(values, kept, strict=False)]

    patch.setattr(DiscreteGaussian, "add_noise", add_noise)


def threshold_on_the_exact_count(patch: Patch) -> None:
    """Cells with fewer people than the minimum are withheld, by the count before noise."""
    noise, behind = compute.add_noise, {}

    def add_noise(plan, exact):
        behind.update(exact.values)
        return noise(plan, exact)

    def thresholded(plan, noisy, pooled):
        told = estimate(replace(plan, line=1), noisy, pooled)
        withheld = estimate(replace(plan, line=2**60), noisy, pooled)
        few = _few(plan, behind)
        return tuple(w if f else t for w, t, f in zip(withheld, told, few, strict=True))

    patch.setattr(compute, "add_noise", add_noise)
    patch.setattr(compute, "estimate", thresholded)


def _few(plan, exact: Mapping[str, tuple[int, ...]]) -> np.ndarray:
    """Return of each cell whether a count is too low; all replications have the same counts."""
    size = len(plan.cells)
    counts = [exact[n][:size] for s in plan.statistics if s.counts_people for n in s.released]
    counts = [c for c in counts if max(c) > 0]
    return np.array(counts).min(axis=0) < plan.minimum.people


def matched_twice(patch: Patch) -> None:
    """Who was paired at one stage is looked for again at the next."""
    patch.setattr(ir.Table, "anti_join", lambda self, *_, **__: self)


def first_stage_not_debited(patch: Patch) -> None:
    """What a record moves in the second of two stages alone is paid for."""
    moves = parts.moves
    patch.setattr(parts, "moves", lambda allowance, released: moves(allowance, released[-1:]))


def residuals_not_clipped(patch: Patch) -> None:
    """The second of two stages sums residuals as they are."""
    residual = lift_values._residual
    wide = 2**24

    def unclipped(y, x, asked):
        return residual(y, x, replace(asked, bound=wide))

    patch.setattr(lift_values, "_residual", unclipped)


def one_pair_for_a_chain(patch: Patch) -> None:
    """One record is believed to change one pair, whatever the number of key types."""
    moved = lift_together.moved_together
    patch.setattr(lift_together, "moved_together", lambda _, *rest: moved(1, *rest))


def no_noise_for_empty_cells(patch: Patch) -> None:
    """Cells without people are left at zero."""

    def add_noise(self, values):
        noisy = _add_noise(self, values)
        return [n if v else 0 for n, v in zip(noisy, values, strict=True)]

    patch.setattr(DiscreteGaussian, "add_noise", add_noise)


def no_consent_asked(patch: Patch) -> None:
    """A purpose that was not agreed to counts as agreed to, from the question on.

    Not a breach of privacy as defined here, but of consent: withdrawing changes nothing.
    """
    patch.setattr(matching, "consenting", lambda persons, *_: persons)
