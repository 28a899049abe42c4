import pytest

from cleanroom.policy.lint import Finding, lint
from support.policies import policy

FISCAL = Finding(
    line=9, column=3, message="parties.fiscal-data: may ask nothing and owns no dataset"
)
EXPECTED = {
    "spring-campaign": (FISCAL,),
    "demo": (),
    "hmac": (
        Finding(
            line=11,
            column=3,
            message="matching.scheme: any one party colluding with the operator can invert hmac "
            "tokens; prefer psi",
        ),
    ),
    "sha256": (
        Finding(
            line=11,
            column=3,
            message="matching.scheme: anybody with a dictionary can invert unsalted tokens; use psi",
        ),
    ),
    "fmcg-retailer": (),
    "pharma-test-control": (),
    "retailer-data-provider": (),
    "three-providers": (),
    "regulator-strict": (),
    "legacy-hashed-list": (
        Finding(
            line=14,
            column=3,
            message="matching.scheme: anybody with a dictionary can invert unsalted tokens; use psi",
        ),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_example_has_exactly_these_findings(name):
    assert lint(policy(name=name)) == EXPECTED[name]


WEAK = [
    ("people: 50", "people: 19", 26, 27, "datasets.sales.minimum_aggregation.people: fewer than 20 people can be one household or shop"),
    ("probability: 1e-6", "probability: 0.0011", 26, 39, "datasets.sales.minimum_aggregation.miss_probability: above 1e-3 a cell that is too small passes too often"),
    ("epsilon: 4", "epsilon: 8.01", 27, 62, "datasets.sales.privacy.epsilon: above 8 the guarantee says little about one person"),
    ("delta: 1e-7", "delta: 1.1e-5", 27, 74, "datasets.sales.privacy.delta: above 1e-5 the guarantee may fail for somebody among many people"),
    ("[ufa, kazan, other]", "[other]", 19, 18, "datasets.exposures.dimensions.city: one value tells nothing apart"),
    ("[ufa, kazan, other]", "[ufa, kazan]", 19, 18, "datasets.exposures.dimensions.city: without 'other' a row with an undeclared value cannot be uploaded"),
    ("hair-care, other]", "hair-care]", 25, 21, "datasets.sales.event_filters.category: without 'other' a row with an undeclared value cannot be uploaded"),
    ("measurements_days: 730", "measurements_days: 730, withdrawn_days: 32", 30, 56, "retention.withdrawn_days: above 31 people who withdrew stay longer than regulators expect"),
    ("owner: acme-brand", "owner: megamart", 12, 3, "matching.scheme: only one party owns data, so nobody else blinds it"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "column", "message"), WEAK)
def test_a_weak_choice_is_one_more_finding_where_it_stands(old, new, line, column, message):
    found = set(lint(policy((old, new))))
    assert found == {FISCAL, Finding(line=line, column=column, message=message)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("people: 50", "people: 20"),
        ("measurements_days: 730", "measurements_days: 730, withdrawn_days: 31"),
        ("probability: 1e-6", "probability: 1e-3"),
        ("epsilon: 4", "epsilon: 8"),
        ("delta: 1e-7", "delta: 1e-5"),
        ("[ufa, kazan, other]", "[ufa, other]"),
    ],
)
def test_a_choice_at_the_line_is_no_finding(old, new):
    assert lint(policy((old, new))) == (FISCAL,)


def test_findings_come_in_the_order_of_the_file():
    found = lint(policy(("epsilon: 4", "epsilon: 9"), ("people: 50", "people: 3")))
    assert [f.line for f in found] == [9, 26, 27]
