"""Each key's order, whom a change concerns, and that no key is without an order."""

from dataclasses import fields, is_dataclass, replace
from fractions import Fraction

import pytest

from cleanroom.model.allowance import MinimumAggregation
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain
from cleanroom.policy import changes, compare_dataset, compare_rules
from cleanroom.policy.changes import decimal_text
from cleanroom.policy.compare import Change, Direction, compare
from cleanroom.policy.document import (
    ArmColumn,
    DatasetRules,
    Matching,
    Party,
    Policy,
    Retention,
    Scheme,
)
from cleanroom.policy.orders import ORDERS, Order, direction
from cleanroom.policy.rules import ConsentTerms, Frequency, Limits, PrivacyRule
from support.policies import NAMES, policy

CLASSES = (
    Policy,
    Party,
    Matching,
    DatasetRules,
    DatasetSchema,
    Domain,
    Bounded,
    ArmColumn,
    MinimumAggregation,
    PrivacyRule,
    Limits,
    Frequency,
    ConsentTerms,
    Retention,
)
OWNERS = {"acme-brand", "megamart", "fiscal-data"}
TIGHTER, LOOSER, NEUTRAL = Direction.TIGHTER, Direction.LOOSER, Direction.NEUTRAL
ASKERS = "may_ask: [match_rate, segment_size, sales_lift]"
NO_LIFT = (ASKERS, "may_ask: [match_rate, segment_size]")
PANEL = "  panel:\n    owner: fiscal-data\n"
ACME = "  exposures:\n    owner: acme-brand\n"
SALES = "  sales:\n    owner: megamart\n"


def changed(*edits, name="demo"):
    """What differs between an example and the example with edits."""
    return compare(policy(name=name), policy(*edits, name=name))


def told(*edits, name="demo"):
    return {c.path: c.direction for c in changed(*edits, name=name)}


def test_every_field_of_a_policy_has_an_order():
    names = {f"{c.__name__}.{f.name}" for c in CLASSES for f in fields(c)}
    assert names == set(ORDERS)


def test_every_class_a_policy_is_made_of_is_among_those_with_orders():
    found, left = set(), [policy(name="demo")]
    while left:
        value = left.pop()
        if is_dataclass(value):
            found.add(type(value))
            left += [getattr(value, f.name) for f in fields(value) if f.name != "marks"]
        elif isinstance(value, tuple):
            left += value
    assert found <= set(CLASSES)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_does_not_differ_from_itself(name):
    assert compare(policy(name=name), policy(name=name)) == ()


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([("# yaml-language-server", "# Which `make demo`")], {"": NEUTRAL}),
        ([("collaboration: spring-campaign", "collaboration: fresh")], {"collaboration": LOOSER, "datasets.exposures.privacy.pool": LOOSER}),
        ([("from: 2026-01-01", "from: 2026-02-01")], {"valid.from": TIGHTER}),
        ([("from: 2026-01-01", "from: 2025-12-31")], {"valid.from": LOOSER}),
        ([("until: 2035-12-31", "until: 2030-12-31")], {"valid.until": TIGHTER}),
        ([("until: 2035-12-31", "until: 2036-01-01")], {"valid.until": LOOSER}),
        ([("role: data_provider", "role: retailer")], {"parties.fiscal-data.role": LOOSER}),
        ([NO_LIFT], {"parties.acme-brand.may_ask": TIGHTER}),
        ([("data_provider, may_ask: [match_rate]", "data_provider, may_ask: [segment_size]")], {"parties.fiscal-data.may_ask": LOOSER}),
        ([("default_region: RU", "default_region: KZ")], {"matching.default_region": LOOSER}),
        ([("  default_region: RU", "  # 8 (912)")], {"matching.default_region": LOOSER}),
        ([("[email, phone, loyalty_id]", "[email, phone]")], {"matching.keys": LOOSER}),
        ([("[email, phone, loyalty_id]", "[email, phone, loyalty_id, cookie]")], {"matching.keys": LOOSER}),
        ([("[email, phone, loyalty_id]", "[phone, email, loyalty_id]")], {"matching.keys": LOOSER}),
        ([("scheme: psi", "scheme: hmac")], {"matching.scheme": LOOSER}),
        ([("city: [ufa, kazan, samara, other]", "city: [kazan, ufa, samara, other]")], {"datasets.exposures.dimensions.city": NEUTRAL}),
        ([("city: [ufa, kazan, samara, other]", "city: [ufa, kazan, samara, omsk, other]")], {"datasets.exposures.dimensions.city": LOOSER}),
        ([("city: [ufa, kazan, samara, other]", "city: [ufa, kazan, other]")], {"datasets.exposures.dimensions.city": LOOSER}),
        ([("      city: [ufa, kazan, samara, other]\n", "")], {"datasets.exposures.dimensions.city": TIGHTER}),
        ([("category: [hair-colour, hair-care, other]", "category: [hair-care, other]")], {"datasets.sales.event_filters.category": TIGHTER}),
        ([("category: [hair-colour, hair-care, other]", "category: [hair-colour, hair-care]")], {"datasets.sales.event_filters.category": LOOSER}),
        ([("category: [hair-colour, hair-care, other]", "category: [soap, hair-colour, hair-care, other]")], {"datasets.sales.event_filters.category": LOOSER}),
        ([("    event_filters: {category: [hair-colour, hair-care, other]}\n", "")], {"datasets.sales.event_filters.category": TIGHTER}),
        ([("    arm: {column: arm, test: test, control: control}\n", "")], {"datasets.exposures.arm": TIGHTER}),
        ([("test: test, control: control", "test: control, control: test")], {"datasets.exposures.arm.test": LOOSER, "datasets.exposures.arm.control": LOOSER}),
        ([("arm: {column: arm", "arm: {column: cell")], {"datasets.exposures.arm.column": LOOSER}),
        ([(ACME, ACME + "    time: {column: seen_at}\n")], {"datasets.exposures.time": LOOSER}),
        ([("    time: {column: occurred_at}\n", "")], {"datasets.sales.time": TIGHTER}),
        ([("column: occurred_at", "column: booked_at")], {"datasets.sales.time": LOOSER}),
        ([("impressions: {max_per_person: 50}", "impressions: {max_per_person: 40}")], {"datasets.exposures.counts.impressions.max_per_person": TIGHTER}),
        ([("impressions: {max_per_person: 50}", "impressions: {max_per_person: 51}")], {"datasets.exposures.counts.impressions.max_per_person": LOOSER}),
        ([("impressions: {max_per_person: 50}", "clicks: {max_per_person: 50}")], {"datasets.exposures.counts.impressions": TIGHTER, "datasets.exposures.counts.clicks": LOOSER}),
        ([("max_per_person: 1500000", "max_per_person: 1000000")], {"datasets.sales.measures.amount.max_per_person": LOOSER}),
        ([("max_per_person: 1500000", "max_per_person: 1000000"), NO_LIFT], {"parties.acme-brand.may_ask": TIGHTER, "datasets.sales.measures.amount.max_per_person": TIGHTER}),
        ([("max_per_person: 1500000", "max_per_person: 1500000, min_per_person: -9")], {"datasets.sales.measures.amount.min_per_person": LOOSER}),
        ([("unit: minor", "unit: count")], {"datasets.sales.measures.amount.unit": LOOSER}),
        ([("      visits: {unit: rows, max_per_person: 60}\n", "")], {"datasets.sales.measures.visits": TIGHTER}),
        # Without amounts, buyers would be told by visits.
        ([("      amount: {unit: minor, max_per_person: 1500000}\n", "")], {"datasets.sales.measures.amount": TIGHTER, "datasets.sales.measures": LOOSER}),
        ([("owner: fiscal-data", "owner: megamart")], {"datasets.panel.owner": LOOSER}),
        ([("pool: fiscal-panel-2026", "pool: fiscal-panel-2027")], {"datasets.panel.privacy.pool": LOOSER}),
        ([("datasets_days: 90", "datasets_days: 30")], {"retention.datasets_days": TIGHTER}),
        ([("datasets_days: 90", "datasets_days: 91")], {"retention.datasets_days": LOOSER}),
        ([("measurements_days: 730", "measurements_days: 365")], {"retention.measurements_days": TIGHTER}),
        ([("measurements_days: 730", "measurements_days: 731")], {"retention.measurements_days": LOOSER}),
        ([("measurements_days: 730", "measurements_days: 730, withdrawn_days: 14")], {"retention.withdrawn_days": TIGHTER}),
        ([("measurements_days: 730", "measurements_days: 730, withdrawn_days: 31")], {"retention.withdrawn_days": LOOSER}),
        ([("match_rate: [measurement]", "match_rate: [measurement, research]")], {"datasets.sales.consent.match_rate": TIGHTER}),
        ([("match_rate: [measurement]", "match_rate: [research]")], {"datasets.sales.consent.match_rate": LOOSER}),
        ([(PANEL, PANEL + "    consent: {match_rate: [measurement]}\n")], {"datasets.panel.consent.match_rate": NEUTRAL}),
        ([(PANEL, PANEL + "    consent: {match_rate: [research]}\n")], {"datasets.panel.consent.match_rate": TIGHTER}),
        ([(PANEL, PANEL + "    minimum_aggregation: {people: 50, miss_probability: 1e-6}\n")], {"datasets.panel.minimum_aggregation": NEUTRAL}),
        ([(PANEL, PANEL + "    minimum_aggregation: {people: 60, miss_probability: 1e-6}\n")], {"datasets.panel.minimum_aggregation.people": TIGHTER, "datasets.exposures.minimum_aggregation.people": TIGHTER}),
        ([("miss_probability: 1e-6", "miss_probability: 1e-5")], {f"datasets.{d}.minimum_aggregation.miss_probability": LOOSER for d in ("exposures", "sales", "panel")}),
    ],
)  # fmt: skip
def test_a_change_of_each_key_is_ordered(edits, expected):
    assert told(*edits) == expected


LIMITS = "datasets.panel.limits"
BY = "datasets.panel.breakdowns.segment_size"


def panel(rules):
    """The demo's policy with further rules of the panel."""
    return policy((PANEL, f"{PANEL}    {rules}\n" if rules else PANEL), name="demo")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "limits: {filters_per_question: 2}", {f"{LIMITS}.filters_per_question": TIGHTER}),
        ("limits: {filters_per_question: 2}", "", {f"{LIMITS}.filters_per_question": LOOSER}),
        ("limits: {filters_per_question: 2}", "limits: {filters_per_question: 0}", {f"{LIMITS}.filters_per_question": TIGHTER}),
        ("limits: {breakdowns_per_question: 2}", "limits: {breakdowns_per_question: 3}", {f"{LIMITS}.breakdowns_per_question": LOOSER}),
        ("", "limits: {questions: {most: 9, days: 7}}", {f"{LIMITS}.questions": TIGHTER}),
        ("limits: {questions: {most: 9, days: 7}}", "", {f"{LIMITS}.questions": LOOSER}),
        ("limits: {questions: {most: 9, days: 7}}", "limits: {questions: {most: 8, days: 9}}", {f"{LIMITS}.questions.most": TIGHTER, f"{LIMITS}.questions.days": TIGHTER}),
        # Nine in seven days are not fewer than eight in six.
        ("limits: {questions: {most: 9, days: 7}}", "limits: {questions: {most: 8, days: 6}}", {f"{LIMITS}.questions.most": TIGHTER, f"{LIMITS}.questions.days": LOOSER}),
        ("", "breakdowns: {segment_size: []}", {BY: TIGHTER}),
        ("breakdowns: {segment_size: []}", "breakdowns: {segment_size: [income]}", {BY: LOOSER}),
        # The one column that there is: the same, until another joins.
        ("breakdowns: {segment_size: [income]}", "", {BY: NEUTRAL}),
    ],
)  # fmt: skip
def test_limits_and_breakdowns_are_ordered(before, after, expected):
    found = compare(panel(before), panel(after))
    assert {c.path: c.direction for c in found} == expected
    for change in found:
        assert change.concerned == (OWNERS if change.direction is LOOSER else {"fiscal-data"})


def test_people_for_one_family_are_told_of_it_alone():
    more = ("{people: 50, miss", "{people: 50, families: {sales_lift: 80}, miss")
    # The other datasets inherit the strictest of each family.
    paths = {
        f"datasets.{d}.minimum_aggregation.families.sales_lift"
        for d in ("exposures", "sales", "panel")
    }
    assert told(more) == dict.fromkeys(paths, TIGHTER)
    assert {c.direction for c in compare(policy(more, name="demo"), policy(name="demo"))} == {
        LOOSER
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("hmac", "psi", TIGHTER),
        ("sha256", "psi", TIGHTER),
        ("sha256", "hmac", TIGHTER),
        ("psi", "sha256", LOOSER),
        ("hmac", "sha256", LOOSER),
        ("psi", "hmac", LOOSER),
    ],
)
def test_schemes_are_ordered_by_who_can_invert_a_token(before, after, expected):
    assert direction(Order.SCHEME, Scheme(before), Scheme(after)) is expected


def test_fewer_values_are_tighter_where_no_question_could_have_too_many_cells():
    edits = ("[weekly, monthly, other]", "[weekly, other]")
    path = "datasets.shoppers.dimensions.frequency"
    assert told(edits, name="hmac") == {path: TIGHTER}
    # Without a value for what is left such rows cannot be uploaded: other people are counted.
    assert told(("[weekly, monthly, other]", "[weekly, monthly]"), name="hmac") == {path: LOOSER}


def test_an_inherited_rule_changes_with_the_one_it_is_inherited_from():
    found = told(("people: 50", "people: 20"))
    assert found == {
        f"datasets.{d}.minimum_aggregation.people": LOOSER for d in ("exposures", "sales", "panel")
    }
    budgets = told(("epsilon: 4\n      delta: 1e-7\n      per_question: 1.1  ", "epsilon: 3\n      delta: 1e-7\n      per_question: 1.1  "))  # fmt: skip
    assert budgets == {
        "datasets.sales.privacy.epsilon": TIGHTER,
        "datasets.exposures.privacy.epsilon": TIGHTER,
    }


def test_a_dataset_that_leaves_can_loosen_what_others_inherited_and_what_consent_was_asked():
    stricter = (PANEL, PANEL + "    minimum_aggregation: {people: 80, miss_probability: 1e-6}\n"
                "    consent: {match_rate: [research]}\n")  # fmt: skip
    old = policy(stricter, name="demo")
    gone = replace(old, datasets=old.datasets[:2], text="")
    found = {c.path: c.direction for c in compare(old, gone)}
    assert found == {
        "datasets.panel": TIGHTER,
        "datasets.exposures.minimum_aggregation.people": LOOSER,
        "datasets.panel.consent.match_rate": LOOSER,
    }


def test_a_party_or_dataset_that_joins_is_looser_and_concerns_all_whose_people_are_counted():
    spring = policy()
    joins = "  panel:\n    owner: fiscal-data\nretention:"
    (change,) = compare(spring, policy(("retention:", joins)))
    assert (change.path, change.direction) == ("datasets.panel", LOOSER)
    assert change.concerned == OWNERS
    (change,) = compare(
        spring, policy(("parties:\n", "parties:\n  soaps: {role: retailer, may_ask: []}\n"))
    )
    assert (change.path, change.direction) == ("parties.soaps", LOOSER)
    assert change.concerned == {"acme-brand", "megamart"}  # who own what is counted


def test_a_grant_to_a_party_that_joins_is_told_beside_its_joining():
    joins = ("parties:\n", "parties:\n  soaps: {role: retailer, may_ask: [match_rate]}\n")
    assert told(joins) == {"parties.soaps": LOOSER, "parties.soaps.may_ask": LOOSER}
    old, new = policy(joins, name="demo"), policy(name="demo")
    assert {c.direction for c in compare(old, new)} == {TIGHTER}


def test_other_first_owners_are_looser_as_they_make_the_key():
    demo = policy(name="demo")
    first, second, third = demo.parties
    turned = replace(demo, parties=(second, first, third), text="")
    (change,) = compare(demo, turned)
    assert (change.path, change.direction) == ("parties", LOOSER)


def test_entries_in_another_order_change_nothing_else():
    demo = policy(name="demo")
    turned = replace(demo, datasets=demo.datasets[::-1], text="")
    (change,) = compare(demo, turned)
    assert change.direction is NEUTRAL


def test_a_looser_rule_concerns_those_whose_people_it_protected_in_joint_questions():
    minimum = "    minimum_aggregation: {{people: {}, miss_probability: 1e-6}}\n"
    old = policy((PANEL, PANEL + minimum.format(90)), (ACME, ACME + minimum.format(10)), name="demo")  # fmt: skip
    lower = ("people: 50", "people: 40")
    new = policy((PANEL, PANEL + minimum.format(90)), (ACME, ACME + minimum.format(10)), lower, name="demo")  # fmt: skip
    (change,) = compare(old, new)
    # Figures of sales with exposures had a minimum of 50; those with the panel have 90 still.
    assert change.concerned == {"megamart", "acme-brand"}


def test_a_tighter_rule_concerns_its_owner():
    (change,) = changed(
        ("category: [hair-colour, hair-care, other]", "category: [hair-care, other]")
    )
    assert change.concerned == {"megamart"}


def test_a_higher_limit_for_a_question_concerns_whom_the_lower_one_protected():
    dearer = ("per_question: 1.1                     #", "per_question: 2  #")
    found = {c.path: c.concerned for c in changed(dearer)}
    # The panel's own limit was no higher, so no question takes more of its people's budget.
    assert found == {"datasets.sales.privacy.per_question": {"megamart"}}
    cheap = ("per_question: 1.1                     #", "per_question: 1  #")
    found = {c.path: c.concerned for c in compare(policy(cheap, name="demo"), policy(name="demo"))}
    assert found["datasets.sales.privacy.per_question"] == {"megamart", "fiscal-data"}


def test_words_name_both_values_and_what_they_mean():
    (change,) = changed(("until: 2035-12-31", "until: 2030-12-31"))
    assert change == Change(
        path="valid.until",
        direction=TIGHTER,
        before="2035-12-31",
        after="2030-12-31",
        concerned=frozenset(OWNERS),
        words="questions may be asked until 2030-12-31 instead of 2035-12-31",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction("1e-6"), "1e-6"),
        (Fraction("0.5"), "0.5"),
        (Fraction(4), "4"),
        (Fraction(1000), "1000"),
        (Fraction("1.5e-30"), "1.5e-30"),
        (Fraction("0." + "123" * 12), "0." + "123" * 12),
    ],
)
def test_amounts_are_shown_exactly(value, text):
    assert decimal_text(value) == text
    assert Fraction(text) == value


# Planted bugs: an order turned round is seen.

FLIPS = [
    ("Policy.valid_until_s", Order.HIGHER, ("until: 2035-12-31", "until: 2036-01-01")),
    ("MinimumAggregation.people", Order.LOWER, ("people: 50", "people: 20")),
    ("DatasetRules.consent", Order.FEWER, ("{match_rate: [measurement]", "{match_rate: [measurement, research]")),
    ("Bounded.max_per_person", Order.HIGHER, ("impressions: {max_per_person: 50}", "impressions: {max_per_person: 51}")),
]  # fmt: skip


@pytest.mark.parametrize(("key", "order", "edit"), FLIPS)
def test_the_table_decides(monkeypatch, key, order, edit):
    honest = {c.path: c.direction for c in changed(edit)}
    turned = {**ORDERS, key: replace(ORDERS[key], order=order)}
    for module in (changes, compare_rules, compare_dataset):
        monkeypatch.setattr(module, "ORDERS", turned)
    assert {c.path: c.direction for c in changed(edit)} != honest
