"""Cost figures: scaled or inverted intervals, and why there is none."""

from __future__ import annotations

import pytest

from cleanroom_client import CostUnusable, Measurement
from cleanroom_client.cli.costing import costing_of
from support import allowances
from support.measured import measured

COST = 10_000_000  # minor units


def amount(control=80_000, test=86_000, people=50_000):
    def squares(mean):
        return people * (mean**2 + 150_000**2) // 46**2

    return measured(
        allowances.sales_lift(),
        {
            "n:control": (people,),
            "n:test": (people,),
            "s:control": (people * control,),
            "s:test": (people * test,),
            "q:control": (squares(control),),
            "q:test": (squares(test),),
        },
    )


def buyers(control=2_000, test=2_600, people=20_000):
    numbers = {"n:control": people, "n:test": people, "s:control": control, "s:test": test}
    return measured(allowances.sales_lift("buyers"), {n: (v,) for n, v in numbers.items()})


def by_city(test=(2_600, 2_300, 9), people=(20_000, 20_000, 80)):
    return measured(
        allowances.sales_lift("buyers", by_city=True),
        {
            "n:control": people,
            "n:test": people,
            "s:control": (2_000, 2_300, 7),
            "s:test": test,
        },
    )


def test_iroas_is_incremental_revenue_over_the_cost_with_its_interval_scaled():
    found = amount()
    revenue = found.only("incremental_total")
    (costs,) = found.costs(cost_minor=COST)
    iroas = costs.figure("iroas")

    for end in ("value", "low", "high", "noise_sd", "sampling_se"):
        assert getattr(iroas, end) == pytest.approx(getattr(revenue, end) / COST)
    assert [f.name for f in costs.figures] == ["iroas"]


def test_romi_takes_the_margin_of_the_revenue_and_the_cost_off():
    found = amount()
    revenue = found.only("incremental_total")
    (costs,) = found.costs(cost_minor=COST, margin=0.3)
    romi = costs.figure("romi")

    for end in ("value", "low", "high"):
        assert getattr(romi, end) == pytest.approx((getattr(revenue, end) * 0.3 - COST) / COST)
    assert romi.noise_sd == pytest.approx(revenue.noise_sd * 0.3 / COST)


def test_a_loss_is_a_negative_return():
    (costs,) = amount(test=74_000).costs(cost_minor=COST, margin=0.3)

    assert costs.figure("iroas").high < 0
    assert costs.figure("romi").high < -1


def test_the_cost_of_one_more_buyer_has_the_inverted_interval():
    found = buyers()
    added, total = found.only("incremental_total"), found.only("buyers_test")
    (costs,) = found.costs(cost_minor=COST)
    each = costs.figure("cost_per_incremental_buyer")

    assert each.value == pytest.approx(COST / added.value)
    assert (each.low, each.high) == pytest.approx((COST / added.high, COST / added.low))
    assert each.low < each.value < each.high
    assert costs.figure("cost_per_buyer").value == pytest.approx(COST / total.value)
    assert each.unit == "minor"


def test_where_the_interval_holds_zero_there_is_no_cost_of_one_and_it_says_why():
    (costs,) = buyers(test=2_010).costs(cost_minor=COST)
    each = costs.figure("cost_per_incremental_buyer")

    assert each.value is each.low is each.high is None
    assert each.undefined == "the interval of incremental total contains zero"
    assert costs.figure("cost_per_buyer").value


def test_where_fewer_bought_there_is_none_to_pay_for():
    (costs,) = buyers(test=1_000).costs(cost_minor=COST)

    assert "below zero" in costs.figure("cost_per_incremental_buyer").undefined


@pytest.mark.parametrize(("outcome", "one"), [("visits", "visit"), ("buyers", "buyer")])
def test_a_cost_is_of_one_of_what_was_counted(outcome, one):
    numbers = {"n": 20_000, "s": 9_000, "q": 30_000}
    allowance = allowances.sales_lift(outcome, bound=60)
    names = ("n", "s", "q") if outcome == "visits" else ("n", "s")
    found = measured(
        allowance, {f"{n}:{arm}": (numbers[n],) for n in names for arm in ("control", "test")}
    )
    (costs,) = found.costs(cost_minor=COST)

    assert [f.name for f in costs.figures] == [f"cost_per_{one}", f"cost_per_incremental_{one}"]


@pytest.mark.parametrize(
    ("found", "figure", "total"),
    [(amount, "roas", "total_test"), (buyers, "cost_per_buyer", "buyers_test")],
)
def test_where_nobody_was_assigned_nothing_is_called_incremental(found, figure, total):
    plain = found()
    text = plain.text.replace("incremental_total", "total_difference")
    seen = Measurement._read(b"", text.replace("_test", "_exposed").replace("_control", "_un"))
    (costs,) = seen.costs(cost_minor=COST, margin=0.3)
    (one,) = costs.figures

    assert one.name == figure
    expected = plain.only(total).value / COST
    assert one.value == pytest.approx(expected if figure == "roas" else 1 / expected)


def test_a_lift_without_totals_takes_no_cost():
    text = buyers().text.replace("incremental_total", "other").replace("buyers_test", "another")
    with pytest.raises(CostUnusable, match="no totals"):
        Measurement._read(b"", text).costs(cost_minor=COST)


def test_each_cell_has_its_own_cost_and_a_suppressed_one_says_so():
    costs = by_city().costs(cost_minor={"ufa": 100, "other": 300})

    assert [(c.cell, c.cost_minor) for c in costs] == [(("ufa",), 100), (("other",), 300)]
    assert {f.undefined for f in costs[1].figures} == {"the cell is suppressed"}
    assert costs[0].figure("cost_per_buyer").value == pytest.approx(100 / 2_600)


def test_costs_that_do_not_fit_are_refused():
    with pytest.raises(CostUnusable, match="for each cell"):
        by_city().costs(cost_minor=COST)
    with pytest.raises(CostUnusable, match="samara is no cell: expected ufa; kazan; other"):
        by_city().costs(cost_minor={"samara": 1})
    with pytest.raises(CostUnusable, match="more than zero"):
        buyers().costs(cost_minor=0)
    for margin in (0, 1.5, float("nan")):
        with pytest.raises(CostUnusable, match="margin"):
            buyers().costs(cost_minor=1, margin=margin)
    rate = measured(
        allowances.match_rate(stages=1),
        {"people:exposures": (900,), "people:store-sales": (900,), "matched": (500,)},
    )
    with pytest.raises(CostUnusable, match="sales lift"):
        rate.costs(cost_minor=1)


def test_the_measurement_stays_as_it_was_released():
    found = amount()
    before = found.text
    found.costs(cost_minor=COST)

    assert found.text == before
    assert "iroas" not in found.text


@pytest.mark.parametrize(
    ("text", "minor"),
    [("150000.00", 15_000_000), ("1", 100), ("0.5", 50), ("12.34", 1234)],
)
def test_amounts_are_typed_in_major_units(text, minor):
    assert costing_of([text], None).cost == minor
    assert costing_of([f"ufa={text}"], None).cost == {"ufa": minor}
