"""A measurement is read only where it answers what was asked, in every detail."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from cleanroom.analysis.canonical import canonical_json, question_to_json
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
    "buckets": list(TOLD["buckets"]),
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
    "design": {"design": pb.DESIGN_OBSERVATIONAL},
    "count of the exposed": {"exposed_by": "impressions"},
    "adjustment": {"adjustment": pb.ADJUSTMENT_CUPED},
    "before": {"before": pb.Window(from_s=0, until_s=10)},
    "strata": {"strata": ["segment"]},
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


CUT = pb.Buckets(
    dimension="impressions",
    edges=[1, 2],
    window=pb.Window(from_s=1, until_s=2),
    filters=[pb.EventFilter(column="category", values=["b", "a"])],
)


def _sizes(*cuts, by=("impressions",)):
    sizes = pb.SegmentSize(datasets=["exposures"], by=by, buckets=cuts)
    return pb.Analysis(collaboration="spring", segment_size=sizes)


def _plain(question):
    """A question as it comes out of a receipt."""
    return json.loads(canonical_json(question_to_json(question)))


TOLD_SIZES = _plain(
    model.SegmentSize(
        datasets=("exposures",),
        by=("exposures.impressions",),
        buckets=(
            model.Buckets(
                dimension="exposures.impressions",
                edges=(1, 2),
                window=model.Window(from_s=1, until_s=2),
                filters=(("category", ("a", "b")),),
            ),
        ),
    )
)


def _changed(**fields):
    other = pb.Buckets()
    other.CopyFrom(CUT)
    for name, value in fields.items():
        other.ClearField(name)
        other.MergeFrom(pb.Buckets(**{name: value}))
    return other


def test_buckets_are_those_that_were_asked_for():
    assert answers(_sizes(CUT), "spring", TOLD_SIZES)
    assert answers(
        _sizes(_changed(dimension="exposures.impressions"), by=("exposures.impressions",)),
        "spring",
        TOLD_SIZES,
    )


@pytest.mark.parametrize(
    "other",
    [
        _changed(edges=[1, 3]),
        _changed(window=pb.Window(from_s=1, until_s=3)),
        _changed(window=None),
        _changed(filters=[]),
        _changed(dimension="clicks"),
        None,
    ],
    ids=["edges", "window", "no window", "no filters", "dimension", "none"],
)
def test_an_answer_with_other_buckets_is_no_answer(other):
    asked = _sizes(*([other] if other else []))
    assert not answers(asked, "spring", TOLD_SIZES)


def test_a_bound_that_was_asked_for_is_the_one_told_and_else_the_policys():
    told = {**PLAIN, "bound": 500}
    assert answers(_lift(), "spring", told)
    assert answers(_lift(bound=500), "spring", told)
    assert not answers(_lift(bound=499), "spring", told)


def _contribution(**changed):
    usual = {"dataset": "sales", "measure": "amount", "quantile": "0.950", "grid": [1, 5]}
    asked = pb.ContributionBound(**(usual | changed))
    return pb.Analysis(collaboration="spring", contribution_bound=asked)


TOLD_BOUND = _plain(
    model.ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(19, 20), grid=(1, 5)
    )
)


def test_a_contribution_bound_is_told_as_it_was_asked():
    assert answers(_contribution(), "spring", TOLD_BOUND)
    for changed in (
        {"dataset": "panel"},
        {"measure": "visits"},
        {"quantile": "0.9"},
        {"grid": [1, 6]},
        {"window": pb.Window(from_s=1, until_s=2)},
        {"filters": [pb.EventFilter(column="category", values=["a"])]},
    ):
        assert not answers(_contribution(**changed), "spring", TOLD_BOUND), changed
    assert not answers(_lift(), "spring", TOLD_BOUND)


def test_what_the_policy_filled_in_is_no_difference():
    told = PLAIN | {
        "design": "randomized_encouragement",
        "exposed_by": "impressions",
    }
    asked = {"design": pb.DESIGN_RANDOMIZED_ENCOURAGEMENT}
    assert answers(_lift(**asked), "spring", told)
    assert answers(_lift(**asked, exposed_by="impressions"), "spring", told)
    assert not answers(_lift(**asked, exposed_by="clicks"), "spring", told)
    stratified = PLAIN | {"adjustment": "post_stratified", "strata": ["exposures.segment"]}
    asked = {"adjustment": pb.ADJUSTMENT_POST_STRATIFIED, "strata": ["segment"]}
    assert answers(_lift(**asked), "spring", stratified)


OVERLAP = {"hub": "exposures", "others": ["sales", "panel"], "by": ["city"]}


def test_an_overlap_is_answered_whatever_the_order_of_the_others():
    told = _plain(model.Overlap(hub="exposures", others=("panel", "sales"), by=("exposures.city",)))

    def asked(**changed):
        return pb.Analysis(collaboration="spring", overlap=pb.Overlap(**(OVERLAP | changed)))

    assert answers(asked(), "spring", told)
    for changed in (
        {"hub": "sales", "others": ["exposures", "panel"]},
        {"others": ["sales", "telco"]},
        {"others": ["sales", "panel", "telco"]},
        {"by": []},
    ):
        assert not answers(asked(**changed), "spring", told)


ROPO = {
    "definition": pb.ROPO_DEFINITION_SHARE_OF_SALES,
    "exposures": "exposures",
    "sales": "sales",
    "days": 7,
    "measure": "amount",
    "window": pb.Window(from_s=10, until_s=20),
    "filters": [pb.EventFilter(column="category", values=["b", "a"])],
}


@pytest.mark.parametrize(
    "changed",
    [
        {"definition": pb.ROPO_DEFINITION_CONVERSION, "measure": ""},
        {"days": 8},
        {"measure": "visits"},
        {"window": None},
        {"filters": []},
        {"by": ["tier"]},
        {"sales": "panel"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_ropo_is_answered_in_every_detail(changed):
    told = _plain(
        model.Ropo(
            definition=model.RopoDefinition.SHARE_OF_SALES,
            exposures="exposures",
            sales="sales",
            days=7,
            measure="amount",
            window=model.Window(from_s=10, until_s=20),
            filters=(("category", ("a", "b")),),
        )
    )

    def asked(**changed):
        return pb.Analysis(collaboration="spring", ropo=pb.Ropo(**(ROPO | changed)))

    assert answers(asked(), "spring", told)
    assert not answers(asked(**changed), "spring", told)
