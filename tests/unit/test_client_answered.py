"""A measurement is read only where it answers what was asked, in every detail."""

from __future__ import annotations

import pytest

from cleanroom.analysis.canonical import question_to_json
from cleanroom.model import question as model
from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.answered import answers


def _lift(**changed):
    usual = {
        "exposures": "exposures",
        "sales": "sales",
        "outcome": "amount",
        "by": ["city"],
        "window": pb.Window(from_s=10, until_s=20),
        "filters": [pb.EventFilter(column="category", values=["b", "a"])],
    }
    return pb.Analysis(collaboration="spring", sales_lift=pb.SalesLift(**(usual | changed)))


TOLD = question_to_json(
    model.SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        by=("exposures.city",),
        window=model.Window(from_s=10, until_s=20),
        filters=(("category", ("a", "b")),),
    )
)
PLAIN = {
    **TOLD,
    "by": list(TOLD["by"]),
    "filters": [[c, list(v)] for c, v in TOLD["filters"]],
    "population": str(TOLD["population"]),
}


def test_the_question_as_the_policy_resolved_it_is_the_one_asked():
    assert answers(_lift(), "spring", PLAIN)
    assert answers(_lift(by=["exposures.city"]), "spring", PLAIN)
    assert answers(_lift(population=pb.POPULATION_ALL), "spring", PLAIN)


OTHER = {
    "outcome": {"outcome": "visits"},
    "exposures": {"exposures": "panel"},
    "dimension": {"by": ["segment"]},
    "more dimensions": {"by": ["city", "segment"]},
    "no dimensions": {"by": []},
    "dataset of the dimension": {"by": ["sales.city"]},
    "window": {"window": pb.Window(from_s=10, until_s=21)},
    "no window": {"window": None},
    "filter": {"filters": [pb.EventFilter(column="category", values=["a"])]},
    "no filter": {"filters": []},
    "population": {"population": pb.POPULATION_MATCHED},
}


@pytest.mark.parametrize("changed", OTHER.values(), ids=OTHER.keys())
def test_an_answer_that_differs_in_one_detail_is_no_answer(changed):
    assert not answers(_lift(**changed), "spring", PLAIN)


def test_another_collaboration_or_family_is_no_answer():
    rate = pb.Analysis(
        collaboration="spring", match_rate=pb.MatchRate(datasets=["sales", "exposures"])
    )
    told = question_to_json(model.MatchRate(datasets=("exposures", "sales")))
    told = {**told, "datasets": list(told["datasets"]), "by": []}
    assert answers(rate, "spring", told)
    assert not answers(rate, "autumn", told)
    assert not answers(rate, "spring", {**told, "kind": "segment_size"})
    assert not answers(rate, "spring", {**told, "datasets": ["exposures", "panel"]})
    assert not answers(_lift(), "spring", told)
