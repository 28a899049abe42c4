"""Words for the designs and adjustments of a lift, and their numbers in the protocol."""

from __future__ import annotations

from collections.abc import Collection

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid

DESIGNS = {
    "randomized": pb.DESIGN_RANDOMIZED,
    "randomized_encouragement": pb.DESIGN_RANDOMIZED_ENCOURAGEMENT,
    "observational": pb.DESIGN_OBSERVATIONAL,
}
ADJUSTMENTS = {
    "none": pb.ADJUSTMENT_NONE,
    "cuped": pb.ADJUSTMENT_CUPED,
    "cuped_two_stage": pb.ADJUSTMENT_CUPED_TWO_STAGE,
    "change_score": pb.ADJUSTMENT_CHANGE_SCORE,
    "post_stratified": pb.ADJUSTMENT_POST_STRATIFIED,
}


def check_word(field: str, word: str, known: Collection[str]) -> None:
    """Raise QuestionInvalid for a word that is not known."""
    if word not in known:
        raise QuestionInvalid(f"{field}: expected one of {', '.join(known)}")
