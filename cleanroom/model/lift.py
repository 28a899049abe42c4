"""Which designs, outcomes, windows and adjustments of a sales lift go together.

That follows from what they mean (docs/lift.md). Must not know what a policy declares.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column

if TYPE_CHECKING:
    from cleanroom.model.question import SalesLift

BUYERS = "buyers"
NEW_BUYERS = "new_buyers"
REPEAT_BUYERS = "repeat_buyers"
AVERAGE_ORDER = "average_order"
SHARES = (BUYERS, NEW_BUYERS, REPEAT_BUYERS)  # a person's outcome is yes or no
OUTCOMES = (*SHARES, AVERAGE_ORDER)  # every other one is a measure


class Design(StrEnum):
    """How people came to be in the arms."""

    RANDOMIZED = "randomized"
    RANDOMIZED_ENCOURAGEMENT = "randomized_encouragement"  # of the assigned, some were exposed
    OBSERVATIONAL = "observational"  # exposed against unexposed: nothing was assigned


class Adjustment(StrEnum):
    """What a lift's means are adjusted by."""

    NONE = "none"
    CUPED = "cuped"
    CUPED_TWO_STAGE = "cuped_two_stage"
    CHANGE_SCORE = "change_score"
    POST_STRATIFIED = "post_stratified"


# Adjusting by what was before needs arms that have nothing to do with it; comparing people who
# chose themselves gains nothing from it but a look of precision.
ADJUSTMENTS = {
    Design.RANDOMIZED: frozenset(Adjustment),
    Design.RANDOMIZED_ENCOURAGEMENT: frozenset({Adjustment.NONE}),
    Design.OBSERVATIONAL: frozenset(
        {Adjustment.NONE, Adjustment.CHANGE_SCORE, Adjustment.POST_STRATIFIED}
    ),
}
_WITH_BEFORE = frozenset({Adjustment.CUPED, Adjustment.CUPED_TWO_STAGE, Adjustment.CHANGE_SCORE})


def needs_before(outcome: str, adjustment: Adjustment) -> bool:
    """Return whether a lift compares with a window before."""
    return outcome in (NEW_BUYERS, REPEAT_BUYERS) or adjustment in _WITH_BEFORE


def check_lift(question: SalesLift) -> None:
    """Raise FieldInvalid for parts that do not go together."""
    _check_exposed(question)
    _check_adjustment(question)
    _check_outcome(question)
    _check_before(question)
    _check_strata(question)


def _check_exposed(question: SalesLift) -> None:
    if question.exposed_by:
        check_column(question.exposed_by, "exposed_by")
        if not question.counts_exposed:
            raise FieldInvalid(
                field="exposed_by",
                expected="nothing for the design randomized, which does not ask who was exposed",
            )


def _check_adjustment(question: SalesLift) -> None:
    allowed = ADJUSTMENTS[question.design]
    if question.adjustment not in allowed:
        known = " or ".join(a for a in Adjustment if a in allowed)
        raise FieldInvalid(field="adjustment", expected=f"{known} for the design {question.design}")


def _check_outcome(question: SalesLift) -> None:
    """A ratio is not a sum per person, and new and repeat buyers already look before."""
    of_before = question.outcome in (NEW_BUYERS, REPEAT_BUYERS)
    plain = question.adjustment in (Adjustment.NONE, Adjustment.POST_STRATIFIED)
    if of_before and not plain:
        raise FieldInvalid(
            field="adjustment", expected=f"none or post_stratified for {question.outcome}"
        )
    if question.outcome != AVERAGE_ORDER:
        return
    if question.adjustment is not Adjustment.NONE:
        raise FieldInvalid(field="adjustment", expected="none for average_order")
    if question.design is Design.RANDOMIZED_ENCOURAGEMENT:
        raise FieldInvalid(
            field="outcome", expected="another one than average_order: a ratio has no CACE"
        )


def _check_before(question: SalesLift) -> None:
    if not question.looks_before:
        if question.before is not None:
            raise FieldInvalid(
                field="before", expected="no window: this outcome and adjustment look at none"
            )
        return
    before, window = question.before, question.window
    if before is None or window is None:
        raise FieldInvalid(field="before", expected="a window before, and a window")
    if before.until_s > window.from_s:
        raise FieldInvalid(field="before", expected="a window that ends before the other begins")
    is_change = question.adjustment is Adjustment.CHANGE_SCORE
    if is_change and before.length_s != window.length_s:
        raise FieldInvalid(field="before", expected="a window as long as the other for a change")


def _check_strata(question: SalesLift) -> None:
    if (question.adjustment is Adjustment.POST_STRATIFIED) != bool(question.strata):
        raise FieldInvalid(
            field="strata", expected="dimensions for post_stratified, and only for it"
        )
    if set(question.by) & set(question.strata):
        raise FieldInvalid(field="strata", expected="other dimensions than by")
