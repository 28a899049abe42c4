"""A real e-mail experiment through a real server process, against the figures without noise.

42,693 customers of the 2008 MineThatData experiment, women's e-mail against none. The file has
no identifiers, so they are made here; the figures are those that anybody gets from the file.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from support.running import running_room

FILE = Path(__file__).parents[3] / "shared" / "data" / "hillstrom_womens" / "hillstrom_womens.csv"
ARMS = {"Womens E-Mail": "test", "No E-Mail": "control"}
# Lift and 95 % interval without noise, in shares, and in minor units of money per head.
PUBLISHED = {
    "visit": (0.04523, 0.03889, 0.05157),
    "conversion": (0.00311, 0.00150, 0.00472),
    "buyers": (0.00311, 0.00150, 0.00472),
    "spend": (42.44, 16.90, 67.99),
}
PSI_SAMPLE = 2_000
CONSENT = {"purposes": "measurement", "consent_at": "2020-01-01", "consent_until": "2199-01-01"}


def policy(matching: str) -> str:
    return f"""\
version: cleanroom/v1
collaboration: email-experiment
valid: {{from: 2020-01-01, until: 2199-12-31}}
parties:
  mailer: {{role: advertiser, may_ask: [sales_lift]}}
  shop: {{role: retailer, may_ask: [match_rate]}}
matching:
{matching}
  normalisation: uid2-2026
  keys: [email, phone]
  default_region: US
datasets:
  contacts:
    owner: mailer
    dimensions: {{channel: [Web, Phone, Multichannel]}}
    arm: {{column: arm, test: test, control: control}}
  visits:
    owner: shop
    measures:
      visit: {{unit: count, max_per_person: 1}}
      conversion: {{unit: count, max_per_person: 1}}
      spend: {{unit: minor, max_per_person: 50000}}
    minimum_aggregation: {{people: 50, miss_probability: 1e-6}}
    privacy:
      {{pool: shoppers, definition: zcdp, epsilon: 100, delta: 1e-7, per_question: 4, renew: never}}
    consent: {{match_rate: [measurement], sales_lift: [measurement]}}
retention: {{datasets_days: 90, measurements_days: 730}}
"""


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    if not FILE.is_file():
        pytest.skip(f"needs {FILE.name} of the shared test data, beside the repository")
    frame = pd.read_csv(FILE)
    frame["arm"] = frame["segment"].map(ARMS)
    number = pd.Series(range(len(frame)))
    frame["email"] = [f"Shopper.{i}@Example.com" for i in number]
    return frame.assign(**CONSENT)


def contacts(customers: pd.DataFrame) -> pd.DataFrame:
    return customers[["email", "arm", "channel", *CONSENT]]


def visits(customers: pd.DataFrame) -> pd.DataFrame:
    """The shop knows those who came; it writes their addresses in its own way."""
    came = customers[customers["visit"] == 1]
    return came[["visit", "conversion", *CONSENT]].assign(
        email=came["email"].str.lower() + " ",
        spend=came["spend"].map(lambda amount: f"{amount:.2f}"),
    )


def lift(room, outcome: str):
    measurement = room.sales_lift(exposures="contacts", sales="visits", outcome=outcome)
    assert measurement.design == "randomized"
    return measurement.only("absolute_lift")


@pytest.fixture(scope="module")
def room(tmp_path_factory, customers):
    unsalted = policy("  scheme: sha256\n  allow_unsalted: true")
    with running_room(tmp_path_factory, unsalted) as site:
        site.fill(contacts=("mailer", contacts(customers)), visits=("shop", visits(customers)))
        with site.room("mailer") as found:
            yield found


def test_the_file_is_the_one_that_the_figures_are_from(customers):
    by_arm = customers.groupby("arm")["visit"].mean()
    assert by_arm.round(5).to_dict() == {"control": 0.10617, "test": 0.15140}


@pytest.mark.parametrize("outcome", PUBLISHED)
def test_a_lift_is_the_published_one_within_its_noise(room, outcome):
    value, low, high = PUBLISHED[outcome]
    found = lift(room, outcome)
    assert abs(found.value - value) < 6 * found.noise_sd
    assert found.low <= value <= found.high
    # Noise hardly widens the interval that chance between people alone gives; by its part in the
    # variance it may even narrow it a little.
    assert 0.95 * (high - low) < found.high - found.low < 1.5 * (high - low)


def test_intervals_are_the_published_ones_where_noise_hardly_counts(room):
    value, low, high = PUBLISHED["visit"]
    found = lift(room, "visit")
    assert found.noise_sd < (high - low) / 20
    assert found.sampling_se == pytest.approx((high - low) / 2 / 1.96, rel=0.02)
    assert found.low == pytest.approx(low, abs=6 * found.noise_sd + 1e-4)
    assert found.high == pytest.approx(high, abs=6 * found.noise_sd + 1e-4)
    assert value == pytest.approx((low + high) / 2, abs=1e-5)


def test_blinded_tokens_give_the_lifts_of_a_sample(tmp_path_factory, customers):
    sample = customers.iloc[:: len(customers) // PSI_SAMPLE][:PSI_SAMPLE]
    with running_room(tmp_path_factory, policy("  scheme: psi")) as site:
        sealed = site.fill(contacts=("mailer", contacts(sample)), visits=("shop", visits(sample)))
        with site.room("mailer") as room:
            found = {outcome: lift(room, outcome) for outcome in ("visit", "spend")}
    assert sealed["contacts"].persons == PSI_SAMPLE
    assert sealed["visits"].persons == sample["visit"].sum()
    exact = sample.groupby("arm")[["visit", "spend"]].mean().loc[["control", "test"]].diff().iloc[1]
    for outcome, unit in (("visit", 1), ("spend", 100)):
        assert abs(found[outcome].value - unit * exact[outcome]) < 6 * found[outcome].noise_sd
    # For spend, where noise is half of the interval, its own chance of a miss is one in thirty.
    assert found["visit"].low <= exact["visit"] <= found["visit"].high
