"""Plans: what they cost, what they refuse, and that they never touch data."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.charge import square_unit
from cleanroom.analysis.limits import default_nano_rho, limit_nano_rho, nano_rho_for_epsilon
from cleanroom.analysis.parts import split
from cleanroom.analysis.plan import exact_request, plan, with_residual
from cleanroom.analysis.request import Residual
from cleanroom.model.consent import Epoch
from cleanroom.model.errors import FieldInvalid, QuestionRefused
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import ContributionBound, Population
from cleanroom.privacy.loss import NANO, epsilon_of, rho_to_nano
from cleanroom.privacy.mechanism import DiscreteGaussian
from cleanroom.privacy.suppression import line_of_sum
from support import allowances
from support.allowances import (
    ADVERTISER,
    BY_CITY,
    BY_FREQUENCY,
    BY_SPEND,
    BY_TIER,
    RETAILER,
    terms,
)

LOSS = NANO // 1000
ALLOWANCES = {
    "match rate": allowances.match_rate(),
    "match rate on one key": allowances.match_rate(stages=1),
    "match rate by city": allowances.match_rate(by_city=True),
    "one side by tier": allowances.segment_size(BY_TIER, datasets=("store-sales",)),
    "matched by city": allowances.segment_size(BY_CITY),
    "matched by city and tier": allowances.segment_size(BY_CITY, BY_TIER, stages=6),
    "frequency": allowances.segment_size(BY_FREQUENCY, datasets=("exposures",)),
    "matched by frequency and spend": allowances.segment_size(BY_FREQUENCY, BY_SPEND),
    "contribution bound": allowances.contribution_bound(),
    "buyers": allowances.sales_lift("buyers"),
    "amount": allowances.sales_lift(),
    "amount by city": allowances.sales_lift(by_city=True),
    "visits of the matched": allowances.sales_lift(
        "visits", bound=60, population=Population.MATCHED
    ),
    "as assigned": allowances.sales_lift(
        asked={"design": Design.RANDOMIZED_ENCOURAGEMENT, "exposed_by": "impressions"}
    ),
    "observed": allowances.sales_lift(
        "buyers", asked={"design": Design.OBSERVATIONAL, "exposed_by": "impressions"}
    ),
    "average order": allowances.sales_lift("average_order", visits_bound=60),
    "with refunds": allowances.sales_lift(low=-500),
    "change": allowances.sales_lift(asked=allowances.before(Adjustment.CHANGE_SCORE)),
    "cuped": allowances.sales_lift(asked=allowances.before(Adjustment.CUPED)),
    "strata": allowances.sales_lift(
        by_city=True,
        strata=(allowances.BY_SEGMENT,),
        asked={"adjustment": Adjustment.POST_STRATIFIED, "strata": ("exposures.segment",)},
    ),
    "overlap of three": allowances.overlap(),
    "overlap of five by city on one key": allowances.overlap(others=4, stages=1, by_city=True),
    "conversion": allowances.conversion(),
    "share of visits by tier": allowances.share_of_sales(by_tier=True),
    "share of revenue": allowances.share_of_sales("amount", bound=1_500_000),
}
TWO_STAGES = {
    f"{outcome} of {population}": allowances.sales_lift(
        outcome,
        stages=stages,
        population=population,
        asked=allowances.before(Adjustment.CUPED_TWO_STAGE),
    )
    for outcome in ("amount", "buyers")
    for population, stages in ((Population.ALL, 1), (Population.MATCHED, 3))
}
every_question = pytest.mark.parametrize("allowance", ALLOWANCES.values(), ids=ALLOWANCES)


def weights_paid(parts, statistics, rho) -> Fraction:
    """The least loss at which every statistic's noise were that of its weight."""
    weight = {c.name: c.share for r in parts.releases for c in r.charges}
    most = max(parts.moves.values())
    return max(
        weight[s.name].largest
        * DiscreteGaussian(s.scale).rho_per_unit
        * most
        / weight[s.name].weight
        for s in statistics
    )


@every_question
@pytest.mark.parametrize("nano_rho", [1, 999, LOSS, 3_333_333])
def test_no_debit_exceeds_the_loss_asked_for_and_the_largest_is_all_of_it(allowance, nano_rho):
    debits = [d for _, d in plan(allowance, nano_rho).debits]

    assert all(type(d) is int and 0 < d <= nano_rho for d in debits)
    assert max(debits) == nano_rho


@given(
    nano_rho=st.integers(1, 5_000_000),
    allowance=st.sampled_from(list(ALLOWANCES.values())),
)
def test_each_debit_is_the_loss_of_its_people_rounded_up(nano_rho, allowance):
    """What one record moves together, at noise that is that of each statistic's weight or more."""
    found, parts = plan(allowance, nano_rho), split(allowance, Fraction(nano_rho, NANO))
    rho, most = parts.rho, max(parts.moves.values())

    assert dict(found.debits) == {
        t.ledger: rho_to_nano(rho * parts.moves[t.datasets[0]] / most) for t in allowance.ledgers
    }
    assert rho * (1 - Fraction(1, 10**9)) <= weights_paid(parts, found.statistics, rho) <= rho


def test_one_ledger_of_two_datasets_is_charged_the_larger_not_the_sum():
    both = (terms(ADVERTISER, allowances.PAIR),)
    apart = plan(allowances.sales_lift(), LOSS)
    together = plan(allowances.sales_lift(ledgers=both), LOSS)

    assert dict(together.debits) == {ADVERTISER: max(d for _, d in apart.debits)}


def test_a_side_whose_people_are_not_counted_pays_less():
    debits = dict(plan(allowances.sales_lift(stages=1), LOSS).debits)

    # The sales people weigh on S and Q, 90 % of the loss, but not on n.
    assert debits[ADVERTISER] == LOSS
    assert debits[RETAILER] == pytest.approx(0.9 * LOSS, abs=2)


def test_the_same_allowance_and_loss_give_the_same_plan():
    assert plan(ALLOWANCES["amount"], LOSS) == plan(ALLOWANCES["amount"], LOSS)


def test_a_larger_loss_means_less_noise_everywhere():
    little, much = (plan(ALLOWANCES["amount"], n) for n in (LOSS, 4 * LOSS))

    for a, b in zip(little.statistics, much.statistics, strict=True):
        assert a.scale == pytest.approx(2 * b.scale)


def test_a_loss_above_the_limit_of_one_ledger_is_refused_with_public_numbers():
    narrow = terms(RETAILER, ("store-sales",), per_question=Fraction(1, 10))
    allowance = allowances.sales_lift(ledgers=(terms(ADVERTISER, ("exposures",)), narrow))
    limit = limit_nano_rho(narrow)

    assert default_nano_rho(allowance) == limit
    assert plan(allowance, limit).debits
    with pytest.raises(QuestionRefused, match="one question may take rho") as refusal:
        plan(allowance, limit + 1)
    assert len(refusal.value.reasons) == 1
    assert "ledgers/megamart/loyalty" in str(refusal.value)


@pytest.mark.parametrize("nano_rho", [0, -1])
def test_a_plan_without_a_loss_is_refused(nano_rho):
    with pytest.raises(FieldInvalid):
        plan(ALLOWANCES["buyers"], nano_rho)


def test_epsilon_of_a_question_is_read_at_the_smallest_delta():
    strict = terms(RETAILER, ("store-sales",))
    object.__setattr__(strict, "delta", Fraction(1, 10**9))
    allowance = allowances.match_rate(ledgers=(terms(ADVERTISER, ("exposures",)), strict))
    found = nano_rho_for_epsilon(allowance, Fraction(1, 4))

    assert epsilon_of(found, Fraction(1, 10**9)) <= Fraction(1, 4)
    assert epsilon_of(found + 1, Fraction(1, 10**9)) > Fraction(1, 4)


@every_question
def test_no_loss_in_a_plan_is_a_float(allowance):
    found = plan(allowance, LOSS)

    assert all(type(d) is int for _, d in found.debits)
    assert all(type(v) is int for s in found.statistics for _, v in s.l2_squared)
    assert {f.name for f in fields(found) if isinstance(getattr(found, f.name), float)} == {"level"}


@every_question
def test_the_line_holds_for_every_count_of_people(allowance):
    found = plan(allowance, LOSS)
    minimum = allowance.minimum
    grid = isinstance(allowance.question, ContributionBound)
    lines = {
        line_of_sum(
            minimum.people, minimum.miss_probability, s.scale, len(s.released) if grid else 1
        )
        for s in found.statistics
        if s.counts_people
    }

    assert found.line == max(lines)


@pytest.mark.parametrize(
    ("name", "released"),
    [
        (
            "match rate",
            [
                "people:exposures",
                "people:store-sales",
                "matched",
                "matched:email",
                "matched:phone",
                "matched:loyalty_id",
            ],
        ),
        ("match rate on one key", ["people:exposures", "people:store-sales", "matched"]),
        (
            "match rate by city",
            [
                "people:exposures",
                "matched",
                "matched:email",
                "matched:phone",
                "matched:loyalty_id",
            ],
        ),
        ("one side by tier", ["people:store-sales"]),
        ("matched by city", ["matched"]),
        ("matched by frequency and spend", ["matched"]),
        (
            "contribution bound",
            ["up_to:100", "up_to:1000", "up_to:10000", "up_to:1500000"],
        ),
        ("buyers", ["n:control", "n:test", "s:control", "s:test"]),
        ("amount", ["n:control", "n:test", "s:control", "s:test", "q:control", "q:test"]),
        (
            "overlap of three",
            ["unmatched", "only_in:panel", "only_in:store-sales", "only_in:panel+store-sales"],
        ),
        ("conversion", ["contacted", "converted"]),
        ("share of revenue", ["buyers", "purchases", "preceded"]),
    ],
)
def test_a_question_releases_exactly_its_statistics(name, released):
    found = plan(ALLOWANCES[name], LOSS)

    assert list(found.released) == released
    assert [p.name for p in found.parameters] == released
    assert all(
        found.statistic(n).scale == p.scale for n, p in zip(released, found.parameters, strict=True)
    )
    with pytest.raises(KeyError):
        found.statistic("unheard-of")


@given(
    nano_rho=st.integers(1_000, 5_000_000),
    allowance=st.sampled_from(list(TWO_STAGES.values())),
    bound=st.integers(1, 1_500_000),
    theta=st.integers(-(2**20), 2**20),
)
def test_both_stages_cost_no_more_than_was_planned_whatever_the_clip(
    nano_rho, allowance, bound, theta
):
    found = plan(allowance, nano_rho)
    bound = min(bound, found.bound)
    narrowed = with_residual(found, allowance, nano_rho, Residual(theta=theta, bound=bound))

    assert narrowed.debits == found.debits
    drawn = split(allowance, Fraction(nano_rho, NANO), bound)
    assert drawn.moves == split(allowance, Fraction(nano_rho, NANO)).moves
    assert weights_paid(drawn, (*found.pooled, *narrowed.statistics), drawn.rho) <= drawn.rho
    assert max(d for _, d in found.debits) == nano_rho
    for planned, drawn in zip(found.statistics, narrowed.statistics, strict=True):
        # Squares are in a unit that follows the clip, whose rounding is one in 16,384 at most.
        of_squares = drawn.name == "q"
        now, before = (square_unit(b) ** 2 if of_squares else 1 for b in (bound, found.bound))
        assert drawn.scale * now <= planned.scale * before * (1 + (1e-3 if of_squares else 1e-9))
    assert narrowed.line == found.line


def test_a_first_stage_is_charged_a_quarter():
    found = plan(TWO_STAGES["amount of all"], LOSS)

    lost = sum(
        dict(s.l2_squared)["exposures"] * DiscreteGaussian(s.scale).rho_per_unit
        for s in found.pooled
    )
    assert lost == pytest.approx(LOSS / NANO / 4, rel=1e-3)
    assert all(s.cells == 1 for s in found.pooled)
    assert [p.name for p in found.parameters][:2] == ["n:pooled", "s:pooled"]


def test_strata_make_cells_within_cells():
    found = plan(ALLOWANCES["strata"], LOSS)

    assert (len(found.cells), len(found.strata)) == (3, 2)
    assert {s.cells for s in found.statistics} == {6}
    request = exact_request(found, purposes=1, versions=(), epoch=Epoch(start_s=0))
    assert request.domains == (allowances.CITY, allowances.SEGMENT)


def test_cells_are_the_full_cross_product_in_domain_order():
    cells = plan(ALLOWANCES["matched by city and tier"], LOSS).cells

    assert cells[:3] == (("ufa", "gold"), ("ufa", "other"), ("kazan", "gold"))
    assert len(cells) == 6
    assert plan(ALLOWANCES["amount"], LOSS).cells == ((),)


@pytest.mark.parametrize(
    ("bound", "unit", "squares"),
    [(1, 1, 1), (32768, 1, 2**30), (32769, 2, 16385**2), (2**30, 32768, 2**30)],
)
def test_squares_fit_the_integer_mechanism(bound, unit, squares):
    found = plan(allowances.sales_lift(bound=bound), LOSS)

    assert (found.bound, found.square_unit) == (bound, unit)
    assert found.statistic("s:test").contribution_bound == bound
    assert found.statistic("q:test").contribution_bound == squares <= 2**30


def test_a_buyer_counts_once_whatever_the_policy_bounds():
    found = plan(allowances.sales_lift("buyers", bound=1_500_000), LOSS)

    assert (found.bound, found.square_unit, found.outcome_unit) == (1, 1, "people")
    assert found == plan(allowances.sales_lift("buyers", bound=1), LOSS)


def test_an_outcome_has_the_unit_of_its_measure():
    assert plan(ALLOWANCES["amount"], LOSS).outcome_unit == "minor"
    assert plan(ALLOWANCES["visits of the matched"], LOSS).outcome_unit == "rows"
    assert plan(ALLOWANCES["share of revenue"], LOSS).outcome_unit == "minor"
    assert plan(ALLOWANCES["share of visits by tier"], LOSS).outcome_unit == "rows"
    assert plan(ALLOWANCES["conversion"], LOSS).outcome_unit == "people"


def test_a_contribution_bound_is_one_release_of_one_vector():
    (charge,) = plan(ALLOWANCES["contribution bound"], LOSS).statistics

    assert dict(charge.l2_squared) == {"store-sales": 1}
    assert charge.scale == plan(ALLOWANCES["one side by tier"], LOSS).statistics[0].scale


def test_the_noise_of_a_lift_falls_with_its_bound():
    wide, narrow = (plan(allowances.sales_lift(bound=b), LOSS) for b in (30_000, 3_000))

    assert wide.statistic("s:test").scale == pytest.approx(10 * narrow.statistic("s:test").scale)
    assert wide.statistic("n:test").scale == narrow.statistic("n:test").scale
    assert wide.debits == narrow.debits


def test_the_engine_is_asked_for_what_was_planned():
    found = plan(ALLOWANCES["amount by city"], LOSS)
    request = exact_request(found, purposes=1, versions=(), epoch=Epoch(start_s=86_400))

    assert request.question == found.question
    assert (request.bound, request.square_unit) == (found.bound, found.square_unit)
    assert request.domains == (allowances.CITY,)
