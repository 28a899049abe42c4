"""A plan as a partner reads it: what the service found, in 80 columns, as the README shows it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import plan
from cleanroom.analysis.power import least_loss, outlook
from cleanroom.model import aim
from cleanroom.rpc.plans import read_aim, write_plan
from cleanroom.v1 import analysis_pb2
from cleanroom_client import Assume, QuestionInvalid, Wish
from cleanroom_client.aim import Aim
from cleanroom_client.cli.figures import plan_footer, plan_table
from cleanroom_client.cli.outlook import expected_footer, expected_table
from cleanroom_client.plan import Plan
from cleanroom_client.question import MatchRate, Overlap, Ropo, SalesLift
from support import allowances

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BUYERS = Assume(people=10_000, rate=0.02)
LIFT = SalesLift(exposures="exposures", sales="store-sales", outcome="buyers")
CONVERSION = Ropo(definition="conversion", exposures="exposures", sales="store-sales", days=7)
SHARE = replace(CONVERSION, definition="share_of_sales", measure="amount")
CASES = {
    "buyers": (LIFT, allowances.sales_lift("buyers"), BUYERS),
    "amount": (LIFT, allowances.sales_lift(), Assume(people=1_000_000, mean=80_000, sd=150_000)),
    "match rate": (
        MatchRate(datasets=("exposures", "store-sales")),
        allowances.match_rate(),
        Assume(people=10_000, matched=4_000),
    ),
    "few": (LIFT, allowances.sales_lift("buyers"), Assume(people=60, rate=0.5)),
    "overlap": (
        Overlap(hub="exposures", others=("panel", "store-sales")),
        allowances.overlap(),
        Assume(people=1_000_000, matched=4_000),
    ),
    "conversion": (CONVERSION, allowances.conversion(), Assume(people=10_000, rate=0.1)),
    "share of sales": (
        SHARE,
        allowances.share_of_sales("amount", bound=1_500_000),
        Assume(people=10_000, mean=80_000, rate=0.3),
    ),
}


def planned(allowance, assume, wish=None):
    """What the SDK makes of the service's answer to the SDK's request."""
    request = analysis_pb2.PlanAnalysisRequest()
    Aim(assume=assume, wish=wish).fill(request)
    found = read_aim(request)
    made = plan(allowance, least_loss(allowance, found, default_nano_rho(allowance)))
    message = write_plan(made, allowance, outlook(allowance, made, found))
    return Plan.from_proto(str(allowance.question.family), message)


def shown(told, question, assume, wish=None):
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False)
    console.print(plan_table(told))
    console.print(expected_table(told, assume, question))
    out.write(expected_footer(told, wish, power=0.8, significance=0.05) + "\n")
    out.write(plan_footer(told) + "\n")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("case", CASES)
def test_a_plan_fits_80_columns_and_hides_nothing(case):
    question, allowance, assume = CASES[case]
    text = shown(planned(allowance, assume), question, assume)

    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("\n\n\n") == 0


def test_what_the_service_expects_is_what_the_partner_reads():
    told = planned(*CASES["match rate"][1:])
    rate = told.expect("match_rate_exposures")

    assert rate.value == 0.4
    assert rate.half_width == pytest.approx(1.959964 * rate.noise_sd)
    assert rate.sampling_se is None
    assert told.detectable == ()
    with pytest.raises(KeyError):
        told.expect("p_value")


def test_a_lift_has_a_smallest_one_that_is_seen():
    told = planned(*CASES["buyers"][1:])

    assert told.detectable[0].relative == pytest.approx(told.detectable[0].absolute / 0.02)
    assert told.to_dict()["detectable"][0]["figure"] == "absolute_lift"


def test_a_cell_of_too_few_people_is_told_to_be_suppressed():
    told = planned(*CASES["few"][1:])

    assert told.suppressed
    assert "would rather be suppressed" in shown(told, LIFT, CASES["few"][2])


def test_a_wish_and_a_power_mean_nothing_without_an_assumption():
    for nothing in ({"wish": Wish("absolute_lift", 0.1)}, {"power": 0.9}, {"significance": 0.1}):
        with pytest.raises(QuestionInvalid, match="assume"):
            Aim(**nothing)
    assert read_aim(analysis_pb2.PlanAnalysisRequest()) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused_before_it_is_sent(value):
    with pytest.raises(QuestionInvalid):
        Assume(people=10, rate=value)
    with pytest.raises(QuestionInvalid):
        Wish("absolute_lift", value)


def test_power_and_significance_have_their_usual_values():
    request = analysis_pb2.PlanAnalysisRequest()
    Aim(assume=BUYERS).fill(request)

    assert (read_aim(request).power, read_aim(request).significance) == (0.8, 0.05)
    Aim(assume=BUYERS, power=0.9, significance=0.01).fill(request)
    assert read_aim(request) == aim.Aim(
        assumed=aim.Assumption(people=10_000, rate=0.02), power=0.9, significance=0.01
    )


def test_the_readme_shows_a_plan_as_it_is_printed():
    (block,) = re.findall(r"<!-- plan -->\n```\n(.*?)```", README, re.DOTALL)
    wish = Wish("absolute_lift", 0.01)
    told = planned(allowances.sales_lift("buyers"), BUYERS, wish)

    assert block.strip() == shown(told, LIFT, BUYERS, wish).strip()
