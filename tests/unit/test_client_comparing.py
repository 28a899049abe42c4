"""Comparing providers: request ids, what is kept beside the answers, and what stops everything."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from cleanroom_client import Buckets, MatchRate, SalesLift
from cleanroom_client.comparing import general_name, put_to_each, request_id_of
from cleanroom_client.errors import QuestionInvalid, RoomError, ServiceUnreachable

RATE = MatchRate(datasets=("exposures", "panel"), by=("panel.income", "exposures.city"))


@dataclass
class Asked:
    """Stands for a room that notes what it is asked, and fails for some."""

    failing: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def __call__(self, question, request_id):
        (dataset,) = [d for d in question.datasets if d != "exposures"]
        if dataset in self.failing:
            raise self.failing[dataset]
        self.asked.append((question, request_id))
        return dataset


def test_each_provider_takes_the_place_of_the_one_that_is_named():
    room = Asked()
    found = put_to_each(RATE, ("panel", "telco", "panel"), "base", room)

    assert [of.answer for of in found] == ["panel", "telco"]
    assert [q for q, _ in room.asked] == [
        RATE,
        MatchRate(datasets=("exposures", "telco"), by=("telco.income", "exposures.city")),
    ]


def test_a_lift_is_compared_by_either_of_its_datasets():
    lift = SalesLift(exposures="exposures", sales="shop", outcome="amount", by=("city",))
    room = Asked()
    put_to_each(lift, ("shop", "kiosk"), "base", room)
    assert [q.sales for q, _ in room.asked] == ["shop", "kiosk"]

    other = SalesLift(exposures="web", sales="exposures", outcome="amount")
    room = Asked()
    put_to_each(other, ("web", "radio"), "base", room)
    assert [(q.exposures, q.sales) for q, _ in room.asked] == [
        ("web", "exposures"),
        ("radio", "exposures"),
    ]


def test_buckets_follow_the_provider_whose_number_they_cut():
    cut = Buckets(edges=(1, 5))
    rate = MatchRate(
        datasets=("exposures", "panel"), by=("panel.visits",), buckets={"panel.visits": cut}
    )
    room = Asked()
    put_to_each(rate, ("panel", "telco"), "base", room)
    assert [q.buckets for q, _ in room.asked] == [{"panel.visits": cut}, {"telco.visits": cut}]


def test_request_ids_depend_on_the_base_and_the_provider_alone():
    room = Asked()
    put_to_each(RATE, ("panel", "telco"), "base", room)
    put_to_each(RATE, ("telco", "panel"), "base", room)

    ids = [request_id for _, request_id in room.asked]
    assert ids[0] == ids[3] == request_id_of("base", "panel")
    assert ids[1] == ids[2] != ids[0]
    assert request_id_of("other", "panel") != ids[0]
    assert all(8 <= len(i) <= 64 and i.isalnum() for i in ids)


@pytest.mark.parametrize("reason", ["QUESTION_REFUSED", "BUDGET_EXHAUSTED", "DATASET_NOT_SEALED"])
def test_what_is_refused_for_one_is_kept_and_the_others_are_asked(reason):
    refused = RoomError(reason, "not this one", {})
    room = Asked(failing={"panel": refused})
    panel, telco = put_to_each(RATE, ("panel", "telco"), "base", room)

    assert (panel.answer, panel.refusal) == (None, refused)
    assert (telco.answer, telco.refusal) == ("telco", None)


@pytest.mark.parametrize(
    "error",
    [ServiceUnreachable("no connection"), RoomError("IDENTITY_REFUSED", "not you", {})],
    ids=["unreachable", "identity"],
)
def test_what_stops_all_is_raised_and_the_same_call_goes_on(error):
    room = Asked(failing={"telco": error})
    with pytest.raises(type(error)):
        put_to_each(RATE, ("panel", "telco"), "base", room)
    room.failing.clear()
    put_to_each(RATE, ("panel", "telco"), "base", room)

    first, again, _ = room.asked
    assert first == again  # so the service answers the first from store


@pytest.mark.parametrize("providers", [(), ("telco",), ("panel", "exposures")])
def test_a_question_names_exactly_one_of_the_providers(providers):
    room = Asked()
    with pytest.raises(QuestionInvalid, match="exactly one"):
        put_to_each(RATE, providers, "base", room)
    assert not room.asked


def test_only_figures_of_the_providers_dataset_are_renamed():
    assert general_name("match_rate_fiscal_panel", "fiscal-panel") == "match_rate_provider"
    assert general_name("people_email", "email") == "people_provider"
    assert general_name("matched_email", "email") == "matched_email"
    assert general_name("match_rate_exposures", "panel") == "match_rate_exposures"
