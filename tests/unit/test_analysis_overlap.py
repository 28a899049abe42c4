"""Overlaps and purchases after contacts: figures, what is withheld, and one canonical form."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.canonical import canonical_json, question_from_json, question_to_json
from cleanroom.analysis.estimate import estimate
from cleanroom.analysis.plan import plan
from cleanroom.analysis.request import Statistics
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.events import MAX_TIME_S
from cleanroom.model.question import (
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.privacy.loss import NANO
from support import allowances

LOSS = 4 * NANO // 1000
OVERLAP = plan(allowances.overlap(stages=1), LOSS)
CONVERSION = plan(allowances.conversion(stages=1), LOSS)
SHARE = plan(allowances.share_of_sales(stages=1), LOSS)
NAMES = OVERLAP.released  # unmatched, panel, store-sales, both
OTHERS = ("panel", "store-sales")


def of_one_cell(plan_, values):
    (cell,) = estimate(plan_, Statistics(values={n: (v,) for n, v in values.items()}))
    return cell, {f.name: f for f in cell.figures}


def overlap_of(*people):
    return of_one_cell(OVERLAP, dict(zip(NAMES, people, strict=True)))


def test_an_overlap_is_told_in_patterns_sums_and_rates():
    _, found = overlap_of(4000, 3000, 2000, 1000)

    assert {name: f.value for name, f in found.items()} == {
        "people": 10_000,
        "in_none": 4000,
        "only_in_panel": 3000,
        "only_in_store_sales": 2000,
        "in_all": 1000,
        "in_any": 6000,
        "matched_panel": 4000,
        "matched_store_sales": 3000,
        "match_rate_panel": 0.4,
        "match_rate_store_sales": 0.3,
    }


def test_noise_of_a_sum_adds_up_and_of_a_rate_counts_each_person_once():
    _, found = overlap_of(4000, 3000, 2000, 1000)
    sd = OVERLAP.statistic("unmatched").scale

    assert found["in_all"].noise_sd == pytest.approx(sd)
    assert found["in_any"].noise_sd == pytest.approx(sd * math.sqrt(3))
    assert found["people"].noise_sd == pytest.approx(sd * 2)
    # (0.6^2 * 2 v + 0.4^2 * 2 v) / 10000^2
    spread = sd * math.sqrt(0.6**2 * 2 + 0.4**2 * 2) / 10_000
    assert found["match_rate_panel"].noise_sd == pytest.approx(spread)
    assert all(f.sampling_se is None for f in found.values())


def test_a_pattern_below_the_line_is_withheld_with_every_sum_that_would_tell_it():
    cell, found = overlap_of(4000, OVERLAP.line - 1, 2000, OVERLAP.line)

    assert not cell.suppressed
    assert dict(cell.statistics)["only_in:panel"] is None
    withheld = {n for n, f in found.items() if f.value is None}
    assert withheld == {
        "only_in_panel",
        "people",
        "in_any",
        "matched_panel",
        "match_rate_panel",
        "match_rate_store_sales",
    }
    assert found["only_in_panel"].undefined == "fewer people than the suppression line"
    assert "would tell" in found["people"].undefined
    assert found["in_all"].value == OVERLAP.line
    assert found["matched_store_sales"].value == 2000 + OVERLAP.line


@given(st.lists(st.integers(-50, 400), min_size=4, max_size=4))
def test_nothing_that_is_told_adds_up_to_a_withheld_pattern(people):
    _, found = overlap_of(*people)
    withheld = {n for n, v in zip(NAMES, people, strict=True) if v < OVERLAP.line}
    parts = {
        "people": set(NAMES),
        "in_any": set(NAMES[1:]),
        "matched_panel": {NAMES[1], NAMES[3]},
        "matched_store_sales": {NAMES[2], NAMES[3]},
        "match_rate_panel": set(NAMES),
        "match_rate_store_sales": set(NAMES),
    }
    for name, needed in parts.items():
        assert (found[name].value is None) == bool(needed & withheld), name


def test_a_cell_of_which_nothing_is_left_is_suppressed():
    cell, found = overlap_of(*[OVERLAP.line - 1] * 4)

    assert cell.suppressed
    assert all(f.value is None and f.undefined is None for f in found.values())
    assert [n for n, _ in cell.statistics] == list(NAMES)


@pytest.mark.parametrize("names", [("none", "any", "all", "none-any"), ("a", "b", "a-and-b", "c")])
def test_figures_have_different_names_whatever_the_datasets_are_called(names):
    base = allowances.overlap(others=4)
    others = Overlap(hub="exposures", others=names)
    planned = plan(replace(base, question=others, ledgers=base.ledgers[:1]), LOSS)
    cell, found = of_one_cell(planned, dict.fromkeys(planned.released, 9000))

    assert len(found) == len(cell.figures) == 2 + 16 + 2 * 4
    assert len(set(planned.released)) == 16


def test_a_conversion_is_a_share_of_people_with_chance_and_noise():
    _, found = of_one_cell(CONVERSION, {"contacted": 8000, "converted": 1600})
    rate = found["ropo_conversion"]

    assert (found["contacted"].value, found["converted"].value) == (8000, 1600)
    assert (rate.value, rate.unit) == (0.2, "share")
    assert rate.sampling_se == pytest.approx(math.sqrt(0.2 * 0.8 / 8000))
    v_n, v_s = (CONVERSION.statistic(n).scale ** 2 for n in ("contacted", "converted"))
    assert rate.noise_sd == pytest.approx(math.sqrt(v_s + 0.04 * v_n) / 8000)


@pytest.mark.parametrize("converted", [-30, 0, 8000, 8100])
def test_a_conversion_of_none_or_all_still_has_a_sampling_error(converted):
    _, found = of_one_cell(CONVERSION, {"contacted": 8000, "converted": converted})

    assert found["ropo_conversion"].sampling_se > 0


def test_a_share_of_sales_is_a_ratio_of_sums_with_fiellers_interval():
    _, found = of_one_cell(SHARE, {"buyers": 9000, "purchases": 60_000, "preceded": 15_000})
    share = found["ropo_share_of_sales"]

    assert found["purchases"].unit == found["purchases_preceded"].unit == "rows"
    assert share.value == 0.25
    assert share.sampling_se is None
    assert share.low < 0.25 < share.high
    half = 1.959964 * share.noise_sd
    assert share.high - share.low == pytest.approx(2 * half, rel=0.02)


def test_a_share_of_next_to_no_sales_is_refused_with_its_reason():
    for purchases in (-5, 0, 100):
        values = {"buyers": 9000, "purchases": purchases, "preceded": 10}
        _, found = of_one_cell(SHARE, values)
        assert "uncertain" in found["ropo_share_of_sales"].undefined
        assert found["purchases"].value == purchases


@pytest.mark.parametrize(
    ("planned", "people"), [(CONVERSION, "contacted"), (SHARE, "buyers")], ids=["people", "sales"]
)
def test_a_cell_is_suppressed_when_its_people_miss_the_line(planned, people):
    values = dict.fromkeys(planned.released, 50_000)
    for count, suppressed in ((planned.line - 1, True), (planned.line, False)):
        cell, _ = of_one_cell(planned, values | {people: count})
        assert cell.suppressed is suppressed


# One canonical form

labels = st.sampled_from(["exposures", "sales", "panel", "telco", "web", "loans"])
dimensions = st.lists(
    st.sampled_from(["city", "panel.city", "segment", "web.tier"]), max_size=4, unique=True
).map(tuple)
windows = st.one_of(
    st.none(),
    st.tuples(st.integers(-MAX_TIME_S, 0), st.integers(1, MAX_TIME_S)).map(
        lambda ends: Window(from_s=ends[0], until_s=ends[1])
    ),
)
filters = st.dictionaries(
    st.sampled_from(["category", "brand"]),
    st.lists(st.sampled_from(["a", "b", "ä"]), min_size=1).map(tuple),
).map(lambda found: tuple(found.items()))
overlaps = st.builds(
    lambda names, by: Overlap(hub=names[0], others=tuple(names[1:]), by=by),
    st.lists(labels, min_size=3, max_size=5, unique=True),
    dimensions,
)
ropos = st.builds(
    lambda names, share, days, by, window, kept: Ropo(
        definition=RopoDefinition.SHARE_OF_SALES if share else RopoDefinition.CONVERSION,
        exposures=names[0],
        sales=names[1],
        days=days,
        measure="amount" if share else None,
        by=by,
        window=window,
        filters=kept,
    ),
    st.lists(labels, min_size=2, max_size=2, unique=True),
    st.booleans(),
    st.integers(1, 366),
    dimensions,
    windows,
    filters,
)
others_ = st.sampled_from(
    [
        MatchRate(datasets=OTHERS),
        SegmentSize(datasets=("panel",), by=("city",)),
        SalesLift(exposures="panel", sales="web", outcome="buyers"),
    ]
)


@given(st.one_of(overlaps, ropos, others_))
def test_reading_a_questions_canonical_form_gives_the_question(question):
    written = canonical_json(question_to_json(question))

    assert question_from_json(json.loads(written)) == question
    assert canonical_json(question_to_json(question_from_json(json.loads(written)))) == written


@given(st.one_of(overlaps, ropos))
def test_the_form_of_another_family_or_kind_is_refused(question):
    plain = json.loads(canonical_json(question_to_json(question)))
    for changed in (plain | {"family": "match_rate"}, plain | {"kind": "unheard-of"}):
        with pytest.raises(FieldInvalid):
            question_from_json(changed)


def test_questions_that_mean_the_same_are_equal():
    one = Overlap(hub="exposures", others=("sales", "panel"), by=("segment", "city"))
    assert one == Overlap(hub="exposures", others=("panel", "sales"), by=("city", "segment"))
    assert one != Overlap(hub="panel", others=("exposures", "sales"), by=("city", "segment"))
    base = Ropo(definition=RopoDefinition.CONVERSION, exposures="a", sales="b", days=7)
    a, b = (replace(base, filters=(("x", v),)) for v in (("q", "p", "p"), ("p", "q")))
    assert a == b


@pytest.mark.parametrize(
    ("hub", "others"),
    [
        ("a", ()),
        ("a", ("b",)),
        ("a", ("b", "c", "d", "e", "f")),
        ("a", ("a", "b")),
        ("a", ("b", "b")),
        ("A", ("b", "c")),
    ],
)
def test_an_overlap_is_of_three_to_five_different_datasets(hub, others):
    with pytest.raises(FieldInvalid):
        Overlap(hub=hub, others=others)


SALES = {"definition": RopoDefinition.SHARE_OF_SALES, "measure": "amount"}
PEOPLE = {"definition": RopoDefinition.CONVERSION}


@pytest.mark.parametrize(
    "wrong",
    [
        PEOPLE | {"days": 0},
        PEOPLE | {"days": 367},
        PEOPLE | {"sales": "a"},
        PEOPLE | {"measure": "amount"},
        PEOPLE | {"by": ("city", "city")},
        SALES | {"measure": None},
        SALES | {"measure": "No"},
    ],
)
def test_a_ropo_that_cannot_be_is_refused(wrong):
    with pytest.raises(FieldInvalid):
        Ropo(**({"exposures": "a", "sales": "b", "days": 7} | wrong))


def test_contacts_of_the_earliest_window_stay_within_time():
    window = Window(from_s=-MAX_TIME_S, until_s=0)
    question = Ropo(**PEOPLE, exposures="a", sales="b", days=7, window=window)

    assert question.contact_window == window
