from dataclasses import replace
from fractions import Fraction
from hashlib import sha256

import pytest

from cleanroom.model.allowance import MinimumAggregation
from cleanroom.model.dataset import Bounded, KeyType, Unit
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import LedgerName
from cleanroom.model.question import Family
from cleanroom.policy.document import Role, Scheme
from cleanroom.policy.parse import parse_policy
from support.policies import EXAMPLES, NAMES, policy

RATE = Family.MATCH_RATE
CONSENT = (
    "consent: {match_rate: [measurement], segment_size: [measurement], sales_lift: [measurement]}"
)


def test_the_examples_on_disk_are_the_ones_tested():
    assert {p.stem for p in EXAMPLES.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_example_parses_and_keeps_its_bytes_digest(name):
    data = (EXAMPLES / f"{name}.yaml").read_bytes()
    parsed = parse_policy(data)
    assert parsed.digest == sha256(data).hexdigest()
    assert parsed.text.encode() == data


def test_the_digest_changes_with_a_comment_that_changes_nothing_else():
    commented = policy(("# in order of priority", "# priority"))
    assert commented.digest != policy().digest
    assert commented.datasets == policy().datasets


def test_parties_keep_role_grants_and_order():
    parsed = policy()
    assert [(p.name, p.role) for p in parsed.parties] == [
        ("acme-brand", Role.ADVERTISER),
        ("megamart", Role.RETAILER),
        ("fiscal-data", Role.DATA_PROVIDER),
    ]
    assert parsed.party("megamart").may_ask == {Family.MATCH_RATE}
    assert parsed.party("fiscal-data").may_ask == frozenset()
    assert parsed.party("nobody") is None


def test_matching_keeps_the_priority_of_keys():
    matching = policy(name="demo").matching
    assert matching.scheme is Scheme.PSI
    assert matching.normalisation == "uid2-2026"
    assert matching.keys == (KeyType.EMAIL, KeyType.PHONE, KeyType.LOYALTY_ID)
    assert matching.default_region == "RU"
    assert policy().matching.default_region is None


def test_a_dataset_keeps_its_schema():
    exposures, sales, _ = policy(name="demo").datasets
    assert exposures.schema.dimensions[0].values == ("ufa", "kazan", "samara", "other")
    assert exposures.schema.has_arm
    assert (exposures.arm.column, exposures.arm.test, exposures.arm.control) == (
        "arm",
        "test",
        "control",
    )
    assert exposures.schema.counts == (
        Bounded(name="impressions", unit=Unit.COUNT, max_per_person=50),
    )
    assert not exposures.schema.timed
    assert sales.time_column == "occurred_at"
    assert sales.schema.timed
    assert sales.schema.measures == (
        Bounded(name="amount", unit=Unit.MINOR, max_per_person=1_500_000),
        Bounded(name="visits", unit=Unit.ROWS, max_per_person=60),
    )
    assert [d.name for d in sales.schema.filters] == ["category"]
    assert policy().dataset("sales").schema.measures[1].unit is Unit.COUNT


def test_decimals_are_exact():
    rule = policy(("epsilon: 4,", "epsilon: 0.7,")).dataset("sales").privacy
    assert rule.epsilon == Fraction(7, 10)
    assert rule.delta == Fraction(1, 10**7)


def test_the_last_day_of_validity_still_counts():
    parsed = policy(("2026-03-01", "2026-09-30"))
    assert parsed.valid_until_s - parsed.valid_from_s == 86_400
    assert policy().valid_from_s == 1_772_323_200  # date -u -d 2026-03-01 +%s


def test_owners_are_parties_with_data_in_the_order_of_parties():
    assert policy().owners() == ("acme-brand", "megamart")
    assert policy(("owner: acme-brand", "owner: fiscal-data")).owners() == (
        "megamart",
        "fiscal-data",
    )


def test_purposes_are_the_union_over_all_datasets():
    arm = "arm: {column: arm, test: test, control: control}"
    parsed = policy((arm, f"{arm}\n    consent: {{match_rate: [research, segmentation]}}"))
    assert parsed.purposes(Family.MATCH_RATE) == 1 | 2 | 32
    assert parsed.purposes(Family.SALES_LIFT) == 1


def test_sealable_purposes_name_only_families_somebody_may_ask():
    strict = CONSENT.replace("sales_lift: [measurement]", "sales_lift: [measurement, profiling]")
    assert policy((CONSENT, strict)).sealable_purposes() == (1, 9)
    ungranted = (", segment_size, sales_lift]", "]")
    assert policy((CONSENT, strict), ungranted).sealable_purposes() == (1,)


def test_a_family_without_purposes_seals_no_row():
    parsed = policy()
    silent = tuple(replace(d, consent={Family.MATCH_RATE: ("research",)}) for d in parsed.datasets)
    assert replace(parsed, datasets=silent).sealable_purposes() == (32,)


def test_a_dataset_without_a_minimum_has_the_strictest_of_the_policy():
    counts = "counts: {impressions: {max_per_person: 50}}"
    mixed = policy(
        (counts, f"{counts}\n    minimum_aggregation: {{people: 20, miss_probability: 1e-9}}")
    )
    assert policy().minimum(["exposures"], RATE) == policy().minimum(["sales"], RATE)
    assert mixed.minimum(["exposures"], RATE) == MinimumAggregation(
        people=20, miss_probability=Fraction(1, 10**9)
    )
    assert mixed.minimum(["exposures", "sales"], RATE) == MinimumAggregation(
        people=50, miss_probability=Fraction(1, 10**9)
    )


def test_a_dataset_without_privacy_has_the_strictest_terms_in_a_pool_of_the_collaboration():
    parsed = policy(
        ("pool: fiscal-panel-2026\n      definition: zcdp\n      epsilon: 4\n      delta: 1e-7",
         "pool: fiscal-panel-2026\n      definition: zcdp\n      epsilon: 2\n      delta: 1e-6"),
        ("per_question: 1.1        ", "per_question: 0.3        "),
        name="demo",
    )  # fmt: skip
    terms = parsed.ledger_terms("exposures")
    assert terms.ledger == LedgerName(owner="acme-brand", pool="spring-campaign")
    assert (terms.epsilon, terms.delta, terms.per_question) == (
        2,
        Fraction(1, 10**7),
        Fraction(3, 10),
    )
    assert terms.datasets == ("exposures",)


def test_ledgers_of_one_pool_are_one_with_the_smallest_price_limit():
    privacy = (
        "privacy: {pool: megamart-loyalty-2026, definition: zcdp, "
        "epsilon: 4, delta: 1e-7, per_question: 0.25}"
    )
    parsed = policy(
        ("owner: acme-brand", f"owner: megamart\n    {privacy}"),
    )
    (ledger,) = parsed.ledgers()
    assert ledger.datasets == ("exposures", "sales")
    assert ledger.per_question == Fraction(1, 4)
    assert ledger.epsilon == 4


def test_every_ledger_is_listed_once_in_the_order_of_datasets():
    assert [str(t.ledger) for t in policy(name="demo").ledgers()] == [
        "ledgers/acme-brand/spring-campaign",
        "ledgers/megamart/megamart-loyalty-2026",
        "ledgers/fiscal-data/fiscal-panel-2026",
    ]


def test_an_undeclared_dataset_has_no_terms():
    with pytest.raises(FieldInvalid, match="a dataset that spring-campaign"):
        policy().ledger_terms("loans")


def test_a_path_that_is_absent_stands_where_its_nearest_part_does():
    parsed = policy()
    assert parsed.where("datasets.sales.time") == "spring-campaign.yaml:22"
    assert parsed.where("parties.megamart.may_ask[0]") == "spring-campaign.yaml:8"
    assert parsed.where("nothing.at.all") == "spring-campaign.yaml:1"
