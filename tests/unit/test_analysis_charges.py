"""Planned sensitivities against real neighbouring datasets, question by question."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom.analysis.charges import charges
from cleanroom.analysis.lift_kinds import Part
from cleanroom.analysis.parts import split
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import Population
from support import allowances
from support.allowances import BY_CITY, BY_FREQUENCY, BY_SPEND, BY_TIER, CITY, KEYS, TIER
from support.stages import match_in_stages, without

STAGES = 5
BOUND = 7
CITIES, TIERS = len(CITY.values), len(TIER.values)


@st.composite
def sides(draw, people, **attributes):
    """Records with tokens unique on their side at every stage, and attributes."""
    columns = [draw(st.permutations([*range(people), None, None])) for _ in range(STAGES)]
    tokens = {i: tuple(c[i] for c in columns) for i in range(people)}
    return tokens, {i: {k: draw(v) for k, v in attributes.items()} for i in range(people)}


own_sides = sides(5, cell=st.integers(0, CITIES - 1), arm=st.sampled_from(("control", "test")))
partner_sides = sides(5, cell=st.integers(0, TIERS - 1), y=st.sampled_from((0, 0, 3, BOUND, BOUND)))


def count(question, own, partner, attributes, population=Population.ALL) -> Counter:
    """Every statistic of a question by (name, cell), straight from its definition."""
    mine, theirs = attributes
    pairs = match_in_stages(own, partner, STAGES)
    exact: Counter = Counter()
    for pair in pairs:
        cells = {
            "by both": (mine[pair.own]["cell"], theirs[pair.partner]["cell"]),
            "by city": mine[pair.own]["cell"],
        }
        exact["matched", cells.get(question, 0)] += 1
        exact[f"matched:{KEYS[pair.stage]}", cells.get(question, 0)] += 1
        arm, y = mine[pair.own]["arm"], theirs[pair.partner]["y"]
        exact["s", arm, cells["by city"]] += y
        exact["q", arm, cells["by city"]] += y * y
    for a in own:
        cell = mine[a]["cell"] if question == "by city" else 0
        exact["people:exposures", cell] += 1
    exact["people:store-sales", 0] += len(partner)
    counted = {p.own for p in pairs} if population is Population.MATCHED else own
    for a in counted:
        exact["n", mine[a]["arm"], mine[a]["cell"]] += 1
    return exact


@pytest.mark.parametrize(
    ("question", "allowance", "population"),
    [
        ("total", allowances.match_rate(stages=STAGES), Population.ALL),
        ("by city", allowances.match_rate(stages=STAGES, by_city=True), Population.ALL),
        ("total", allowances.segment_size(stages=STAGES), Population.ALL),
        ("by city", allowances.segment_size(BY_CITY, stages=STAGES), Population.ALL),
        ("by both", allowances.segment_size(BY_CITY, BY_TIER, stages=STAGES), Population.ALL),
        (
            "by city",
            allowances.sales_lift(bound=BOUND, stages=STAGES, by_city=True),
            Population.ALL,
        ),
        (
            "by city",
            allowances.sales_lift(
                bound=BOUND, stages=STAGES, by_city=True, population=Population.MATCHED
            ),
            Population.MATCHED,
        ),
    ],
)
@given(data=st.data())
@settings(max_examples=60)
def test_one_record_moves_no_statistic_further_than_planned(question, allowance, population, data):
    (own, mine), (partner, theirs) = data.draw(own_sides), data.draw(partner_sides)
    dataset = data.draw(st.sampled_from(allowances.PAIR))
    record = data.draw(st.integers(0, 4))
    own_less = without(own, record) if dataset == "exposures" else own
    partner_less = without(partner, record) if dataset == "store-sales" else partner

    moved = count(question, own, partner, (mine, theirs), population)
    moved.subtract(count(question, own_less, partner_less, (mine, theirs), population))
    together = Fraction(0)
    for charge in charges(allowance):
        squared = sum(v * v for (name, *_), v in moved.items() if name == charge.name)
        assert squared <= charge.share.l2_squared[dataset], charge.name
        together += charge.share.weight * Fraction(squared, charge.share.largest)
    assert together <= split(allowance, Fraction(1)).moves[dataset]


def test_weights_of_a_question_add_up_to_one():
    for allowance in (
        allowances.match_rate(by_city=True),
        allowances.segment_size(),
        allowances.sales_lift("buyers"),
        allowances.sales_lift(),
        allowances.contribution_bound(),
        allowances.overlap(),
        allowances.conversion(),
        allowances.share_of_sales(),
    ):
        assert sum(c.share.weight for c in charges(allowance)) == 1


def test_owners_counted_apart_weigh_once_on_each_ledger():
    by_name = {c.name: c.share for c in charges(allowances.match_rate(stages=1))}

    assert by_name["people:exposures"].l2_squared == {"exposures": 1, "store-sales": 0}
    assert by_name["people:store-sales"].l2_squared == {"exposures": 0, "store-sales": 1}
    assert by_name["people:exposures"].weight + by_name["matched"].weight == 1


@pytest.mark.parametrize(
    ("allowance", "statistic", "exposures", "sales"),
    [
        (allowances.match_rate(stages=3), "matched", 1, 1),
        (allowances.match_rate(stages=3, by_city=True), "matched", 2, 1),
        (allowances.match_rate(stages=1, by_city=True), "matched", 1, 1),
        (allowances.match_rate(stages=3, by_city=True), "matched:email", 1, 1),
        (allowances.segment_size(stages=3), "matched", 1, 1),
        (allowances.segment_size(BY_TIER, stages=3), "matched", 1, 2),
        (allowances.segment_size(BY_CITY, BY_TIER, stages=3), "matched", 3, 3),
        (allowances.segment_size(BY_FREQUENCY, stages=3), "matched", 2, 1),
        (allowances.segment_size(BY_CITY, BY_FREQUENCY, stages=3), "matched", 2, 1),
        (allowances.segment_size(BY_FREQUENCY, BY_SPEND, stages=3), "matched", 3, 3),
        (allowances.sales_lift(bound=7, stages=1), "s", 49, 49),
        (allowances.sales_lift(bound=7, stages=2), "s", 2 * 49, 49),
        (allowances.sales_lift(bound=7, stages=3), "s", 2 * 49, 2 * 49),
        (allowances.sales_lift(bound=7, stages=6), "s", 8 * 49, 5 * 49),
        (allowances.sales_lift(bound=7, stages=6), "q", 8 * 49**2, 5 * 49**2),
        (allowances.sales_lift("buyers", bound=7, stages=3), "s", 2, 2),
        (allowances.sales_lift(bound=7, stages=3), "n", 1, 0),
        (
            allowances.sales_lift(bound=7, stages=3, population=Population.MATCHED),
            "n",
            2,
            1,
        ),
    ],
)
def test_each_statistic_is_charged_the_table_of_the_guarantee(
    allowance, statistic, exposures, sales
):
    by_name = {c.name: c.share.l2_squared for c in charges(allowance)}

    assert by_name[statistic] == {"exposures": exposures, "store-sales": sales}


ASKED = {
    "encouraged": {"design": Design.RANDOMIZED_ENCOURAGEMENT, "exposed_by": "impressions"},
    "observed": {"design": Design.OBSERVATIONAL, "exposed_by": "impressions"},
    "change": allowances.before(Adjustment.CHANGE_SCORE),
    "cuped": allowances.before(Adjustment.CUPED),
    "strata": {"adjustment": Adjustment.POST_STRATIFIED, "strata": ("exposures.segment",)},
}
LOW = -4


def lifts(stages):
    """An allowance for each kind of lift."""
    two_stages = allowances.before(Adjustment.CUPED_TWO_STAGE)
    for asked in (*ASKED.values(), two_stages):
        for population in Population:
            yield allowances.sales_lift(
                bound=BOUND, low=LOW, stages=stages, population=population, asked=asked
            )
    yield allowances.sales_lift(
        "average_order", bound=BOUND, low=LOW, stages=stages, visits_bound=3
    )


def parts_of(allowance):
    """The parts that a lift releases, with the charges of each."""
    releases = split(allowance, Fraction(1), BOUND).releases
    parts = (Part.POOLED, Part.CELLS) if len(releases) > 1 else (Part.CELLS,)
    return [(part, r.charges) for part, r in zip(parts, releases, strict=True)]


def every_lift(stages):
    """Each kind of lift with every part that it releases: (allowance, part, charges)."""
    for allowance in lifts(stages):
        for part, wanted in parts_of(allowance):
            yield allowance.question, part, wanted


signed_sides = sides(
    5,
    y=st.sampled_from((0, LOW, BOUND)),
    x=st.sampled_from((0, LOW, BOUND)),
    v=st.sampled_from((0, 1, 3)),
)
people_sides = sides(
    5, cell=st.integers(0, 1), arm=st.sampled_from((0, 1, -1)), exposed=st.sampled_from((0, 1))
)


def moments(question, part, own, partner, attributes) -> Counter:
    """Every sum of a lift by (kind, group, cell), straight from the table of docs/lift.md."""
    mine, theirs = attributes
    exact: Counter = Counter()
    pairs = {p.own: p.partner for p in match_in_stages(own, partner, STAGES)}
    for i in own:
        person = mine[i]
        group = person["exposed"] if question.design is Design.OBSERVATIONAL else person["arm"]
        if group < 0 or (i not in pairs and question.population is Population.MATCHED):
            continue
        bought = theirs[pairs[i]] if i in pairs else {"y": 0, "x": 0, "v": 0}
        y, x, v = bought["y"], bought["x"], bought["v"]
        if question.adjustment is Adjustment.CHANGE_SCORE:
            y = max(-BOUND, min(BOUND, y - x))
        residual = question.adjustment is Adjustment.CUPED_TWO_STAGE and part is Part.CELLS
        if residual:
            y, wide = (max(-b, min(b, y - x)) for b in (BOUND, 2 * BOUND))
        where = (0, 0) if part is Part.POOLED else (group, person["cell"])
        kinds = {
            "n": 1, "e": person["exposed"], "r": y * person["exposed"], "s": y, "q": y * y,
            "x": x, "qx": x * x, "px": y * x, "v": v, "qv": v * v, "pv": y * v,
            "w": wide - y if residual else 0,
        }  # fmt: skip
        for kind, value in kinds.items():
            exact[kind, where] += value
    return exact


@given(data=st.data())
@settings(max_examples=150)
def test_one_record_moves_no_moment_of_any_lift_further_than_planned(data):
    (own, mine), (partner, theirs) = data.draw(people_sides), data.draw(signed_sides)
    dataset = data.draw(st.sampled_from(allowances.PAIR))
    record = data.draw(st.integers(0, 4))
    own_less = without(own, record) if dataset == "exposures" else own
    partner_less = without(partner, record) if dataset == "store-sales" else partner

    for allowance in lifts(STAGES):
        question, together = allowance.question, Fraction(0)
        for part, wanted in parts_of(allowance):
            moved = moments(question, part, own, partner, (mine, theirs))
            moved.subtract(moments(question, part, own_less, partner_less, (mine, theirs)))
            for charge in wanted:
                kind = charge.name.partition(":")[0]
                squared = sum(v * v for (name, _), v in moved.items() if name == kind)
                assert squared <= charge.share.l2_squared[dataset], (question, charge.name)
                together += charge.share.weight * Fraction(squared, charge.share.largest)
        assert together <= split(allowance, Fraction(1), BOUND).moves[dataset], question


def test_weights_of_every_part_of_every_lift_add_up_to_one():
    for question, part, wanted in every_lift(3):
        whole = Fraction(1)
        if question.adjustment is Adjustment.CUPED_TWO_STAGE:
            whole = Fraction(1, 4) if part is Part.POOLED else Fraction(3, 4)
        assert sum(c.share.weight for c in wanted) == whole


def test_people_stand_first_and_are_what_the_line_is_held_against():
    for _, _, wanted in every_lift(3):
        assert [c.name.partition(":")[0] for c in wanted if c.counts_people] == ["n"]
        assert wanted[0].counts_people


@pytest.mark.parametrize(
    ("kind", "asked", "exposures", "sales"),
    [
        ("s", "change", 5 * 49, 5 * 49),  # signed, three stages
        ("q", "change", 2 * 49**2, 2 * 49**2),
        ("s", "strata", (7 + 4) ** 2 + 2 * 0 + 7**2, (7 + 4) ** 2 + 7**2),
        ("x", "cuped", 11**2 + 7**2, 11**2 + 7**2),
        ("px", "cuped", (49 + 28) ** 2 + 49**2, (49 + 28) ** 2 + 49**2),
        ("e", "encouraged", 1, 0),
    ],
)
def test_signed_statistics_are_charged_for_their_range(kind, asked, exposures, sales):
    allowance = allowances.sales_lift(bound=BOUND, low=LOW, stages=3, asked=ASKED[asked])
    by_name = {c.name: c.share.l2_squared for c in charges(allowance)}

    assert by_name[kind] == {"exposures": exposures, "store-sales": sales}
