"""Whatever `compare` calls tighter allows nothing that was refused, and protects no less.

The orders of policy/orders.py are held to the real `decide` and `plan`: over random policies,
random edits of them and random questions, askers and times.
"""

import copy
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from cleanroom.analysis.limits import default_nano_rho
from cleanroom.analysis.plan import plan as make_plan
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.lift import Design
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.policy import changes, compare_dataset, compare_limits, compare_rules
from cleanroom.policy import compare as comparing
from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.decide import decide
from cleanroom.policy.limits import frequency_reasons
from cleanroom.policy.orders import ORDERS, Order
from support import random_policies as some

LOOSER = Direction.LOOSER


def looser(old, new):
    return any(change.direction is LOOSER for change in compare(old, new))


def allowed(policy, asker, question, now_s):
    try:
        return decide(policy, asker=asker, question=question, now_s=now_s)
    except QuestionRefused:
        return None


def what_is_more(old, new, asker, question, now_s):
    """Say how `new` lets a question tell more than `old` did, or None."""
    after = allowed(new, asker, question, now_s)
    if after is None:
        return None
    # In its one form, which no default of either policy changes.
    before = allowed(old, asker, after.question, now_s)
    if before is None:
        return "it was refused"
    return (
        _less_protection(before, after)
        or _less_noise(before, after)
        or _less_consent(old.consent, new.consent)
    )


def _less_consent(before, after):
    if before.epoch_days != after.epoch_days:
        return "withdrawals are heeded at other times"
    if not set(after.bases) <= set(before.bases):
        return "a row may rest on another basis"
    oldest = [terms.max_age_days or float("inf") for terms in (before, after)]
    return "consent counts for longer" if oldest[1] > oldest[0] else None


def _less_protection(before, after):
    if before.purposes & ~after.purposes:
        return "a purpose of consent is not asked for any more"
    if after.minimum.people < before.minimum.people:
        return "fewer people suffice"
    if after.minimum.miss_probability > before.minimum.miss_probability:
        return "a figure of too few people passes more often"
    if {t.ledger for t in after.ledgers} - {t.ledger for t in before.ledgers}:
        return "another budget pays"
    limits = {t.ledger: t for t in before.ledgers}
    for terms in after.ledgers:
        known = limits[terms.ledger]
        for field in ("epsilon", "delta", "per_question"):
            if getattr(terms, field) > getattr(known, field):
                return f"{field} is more"
    for old, new in zip(before.groupings, after.groupings, strict=True):
        if not set(new.domain.values) <= set(old.domain.values):
            return "a cell was not there"
    return None


def _less_noise(before, after):
    """Compare what the planner makes of one offer, the most that the new policy takes."""
    offer = default_nano_rho(after)
    if offer > default_nano_rho(before):
        return "one question may take more"
    old, new = make_plan(before, offer), make_plan(after, offer)
    if old.stages != new.stages:
        return "people are matched by other keys"
    if old.released != new.released:
        return "other statistics are told"
    for known, statistic in zip(
        (*old.pooled, *old.statistics), (*new.pooled, *new.statistics), strict=True
    ):
        if statistic.scale < known.scale:
            return "there is less noise"
    if new.line < old.line:
        return "the line is lower"
    return "a ledger pays less" if new.debits != old.debits else None


def what_lives_longer(old, new):
    """Say what lasts longer under `new`, or None."""
    for field in ("datasets_days", "measurements_days", "withdrawn_days"):
        if getattr(new.retention, field) > getattr(old.retention, field):
            return field
    if new.valid_from_s < old.valid_from_s or new.valid_until_s > old.valid_until_s:
        return "valid"
    return None


def what_is_less(old, new):
    """Say what of the matching protects less under `new`, or None."""
    if new.matching.normalisation != old.matching.normalisation:
        return "normalisation"
    if new.matching.default_region != old.matching.default_region:
        return "default_region"
    schemes = ("psi", "hmac", "sha256")
    if schemes.index(new.matching.scheme) > schemes.index(old.matching.scheme):
        return "scheme"
    return None


def asked_too_often(policy, question, history, now_s):
    return bool(tuple(frequency_reasons(policy, question, history, now_s)))


histories = st.dictionaries(
    st.sampled_from([*some.DATASETS, "loans"]),
    st.lists(st.integers(some.FROM_S, some.FROM_S + 40 * 86_400), max_size=15).map(sorted),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_not_looser_never_allows_more(data):
    tree = data.draw(some.trees())
    after = tree
    for _ in range(data.draw(st.integers(1, 3))):
        tried = data.draw(some.edits(after))
        after = tried if some.parsed(tried) else after
    old, new = some.parsed(tree), some.parsed(after)
    found = {
        (a, b): not looser(a, b)
        for a, b in ((old, new), (new, old))  # the edit, and its way back
    }
    for (first, second), tighter in found.items():
        event("tighter" if tighter else "looser")
        if tighter:
            assert what_lives_longer(first, second) is None
            assert what_is_less(first, second) is None
    for _ in range(12):
        question, now_s = data.draw(some.questions), data.draw(some.times)
        asker = data.draw(st.sampled_from([*some.PARTIES, "soaps"]))
        history = data.draw(histories)
        for (first, second), tighter in found.items():
            if not tighter:
                continue
            assert what_is_more(first, second, asker, question, now_s) is None
            if not asked_too_often(second, question, history, now_s):
                assert not asked_too_often(first, question, history, now_s)


# Planted bugs: each order turned round lets something pass, and one of these questions shows it.

NOW_S = some.FROM_S + 86_400
DAY = Window(from_s=some.FROM_S, until_s=some.FROM_S + 86_400)
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount")
SHOWING = (
    LIFT,
    replace(LIFT, by=("city",), window=DAY, filters=(("category", ("soap",)),)),
    replace(LIFT, outcome="visits"),
    replace(LIFT, bound=100_000),
    replace(LIFT, design=Design.OBSERVATIONAL, exposed_by="clicks"),
    replace(LIFT, filters=(("category", ("soap",)), ("shop", ("big",)))),
    replace(LIFT, filters=(("category", ("fresh",)),)),
    MatchRate(datasets=("exposures", "sales")),
    MatchRate(datasets=("exposures", "panel")),
    MatchRate(datasets=("exposures", "loans")),
    SegmentSize(datasets=("exposures",), by=("city", "segment")),
    SegmentSize(datasets=("exposures",), by=("age",)),
    SegmentSize(datasets=("panel",), by=("income",)),
    Ropo(definition=RopoDefinition.SHARE_OF_SALES, exposures="exposures", sales="sales", days=9, measure="amount"),
    ContributionBound(dataset="sales", measure="amount", quantile=some.Fraction(1, 2), grid=(5, 80_000)),
)  # fmt: skip


def edited(*edits):
    tree = copy.deepcopy(some.FULL)
    for path, value in edits:
        steps = tuple(path.split("."))
        tree = some.drop(tree, steps) if value is None else some.put(tree, steps, value)
    policy = some.parsed(tree)
    assert policy is not None, edits
    return policy


def ways(old, new):
    """Yield each way in which a showing question tells more under `new`."""
    yield from (what_lives_longer(old, new), what_is_less(old, new))
    busy = {"sales": [NOW_S - 86_400 * 3 // 4 * n for n in range(8, 0, -1)]}
    if asked_too_often(old, LIFT, busy, NOW_S) and not asked_too_often(new, LIFT, busy, NOW_S):
        yield "it was asked too often"
    for now_s in (NOW_S, some.FROM_S - 86_400, some.UNTIL_S):
        for asker in (*some.PARTIES, "soaps"):
            for question in SHOWING:
                yield what_is_more(old, new, asker, question, now_s)


SALES, EXPOSURES, PANEL = "datasets.sales", "datasets.exposures", "datasets.panel"
ONE_FOR_ALL = ("datasets.sales.minimum_aggregation.families", None)
MORE_ASKED = ["match_rate", "segment_size", "sales_lift"]
AGE = (f"{EXPOSURES}.dimensions.age", ["young", "other"])
BY_AGE = (f"{EXPOSURES}.breakdowns.segment_size", ["city", "segment", "age"])
# The key whose order is forgotten, edits that make the old policy and those that make the new.
FORGOTTEN = [
    ("Policy.valid_from_s", [], [("valid.from", "2026-02-01")]),
    ("Policy.valid_until_s", [], [("valid.until", "2026-12-31")]),
    ("Policy.datasets", [], [("datasets.loans", {"owner": "fiscal-data"})]),
    ("Party.may_ask", [], [("parties.fiscal-data.may_ask", MORE_ASKED)]),
    ("Matching.scheme", [], [("matching.scheme", "hmac")]),
    ("Matching.keys", [], [("matching.keys", ["email"])]),
    ("Matching.keys", [], [("matching.keys", ["email", "phone", "loyalty_id"])]),
    ("Matching.default_region", [], [("matching.default_region", "KZ")]),
    ("DatasetRules.consent", [], [(f"{SALES}.consent.match_rate", ["segmentation"])]),
    ("DatasetRules.people_by_family", [], [(f"{SALES}.minimum_aggregation.families.sales_lift", 60)]),
    ("DatasetRules.breakdowns", [(f"{EXPOSURES}.breakdowns.segment_size", ["city"])], []),
    ("DatasetSchema.owner", [], [(f"{PANEL}.owner", "megamart")]),
    ("DatasetSchema.dimensions", [BY_AGE, AGE, (f"{EXPOSURES}.breakdowns", None), (AGE[0], None)], [AGE, (f"{EXPOSURES}.breakdowns", None)]),
    ("DatasetSchema.counts", [(f"{EXPOSURES}.counts.clicks", None)], []),
    ("DatasetSchema.measures", [(f"{SALES}.measures.visits", None)], []),
    ("DatasetSchema.filters", [(f"{SALES}.event_filters.shop", None)], []),
    ("DatasetSchema.has_arm", [(f"{EXPOSURES}.arm", None)], []),
    ("DatasetSchema.timed", [(f"{SALES}.time", None)], []),
    ("Domain.values", [], [(f"{SALES}.event_filters.category", ["soap", "fresh", "other"])]),
    ("Domain.values", [], [(f"{PANEL}.dimensions.income", ["low", "high", "middle", "other"])]),
    ("Bounded.max_per_person", [], [(f"{SALES}.measures.amount.max_per_person", 120_000)]),
    ("Bounded.max_per_person", [], [(f"{SALES}.measures.amount.max_per_person", 80_000)]),
    ("Bounded.min_per_person", [(f"{SALES}.measures.amount.min_per_person", -95_000)], []),
    ("MinimumAggregation.people", [ONE_FOR_ALL], [ONE_FOR_ALL, (f"{SALES}.minimum_aggregation.people", 40)]),
    ("MinimumAggregation.miss_probability", [], [(f"{SALES}.minimum_aggregation.miss_probability", 1e-4)]),
    ("PrivacyRule.pool", [], [(f"{SALES}.privacy.pool", "another")]),
    ("PrivacyRule.epsilon", [], [(f"{PANEL}.privacy.epsilon", 3)]),
    ("PrivacyRule.delta", [], [(f"{PANEL}.privacy.delta", 1e-5)]),
    ("PrivacyRule.per_question", [], [(f"{PANEL}.privacy.per_question", 2)]),
    ("Limits.filters_per_question", [(f"{SALES}.limits", {"filters_per_question": 1})], [(f"{SALES}.limits", {"filters_per_question": 2})]),
    ("Limits.breakdowns_per_question", [(f"{EXPOSURES}.limits.breakdowns_per_question", 1)], []),
    ("Limits.questions", [], [(f"{SALES}.limits", {})]),
    ("Frequency.most", [], [(f"{SALES}.limits.questions.most", 60)]),
    ("Frequency.days", [], [(f"{SALES}.limits.questions.days", 1)]),
    ("ConsentTerms.base", [], [("consent.base", None)]),
    ("ConsentTerms.bases", [], [("consent.bases", ["contract", "legitimate_interest"])]),
    ("ConsentTerms.epoch_days", [], [("consent.epoch_days", 3)]),
    ("ConsentTerms.max_age_days", [], [("consent.max_age_days", None)]),
    ("Retention.datasets_days", [], [("retention.datasets_days", 91)]),
    ("Retention.measurements_days", [], [("retention.measurements_days", 731)]),
    ("Retention.withdrawn_days", [], [("retention.withdrawn_days", 31)]),
]  # fmt: skip
# Any change of these is looser, though neither `decide` nor `plan` can show what it does.
UNSEEN = {
    "Policy.collaboration",  # the pools that it names are told on their own
    "Policy.parties",  # whoever joins may read the policy and the budgets; asking is a grant's
    "Party.role",
    "Matching.normalisation",  # there is only one
    "PrivacyRule.renew",  # there is only one
    "DatasetRules.time_column",
    "ArmColumn.column",
    "ArmColumn.test",
    "ArmColumn.control",
    "Bounded.unit",
}


def test_every_order_has_its_planted_bug():
    deciding = {k for k, rule in ORDERS.items() if rule.order not in (Order.FREE, Order.PARTS)}
    assert deciding == {key for key, _, _ in FORGOTTEN} | UNSEEN


@pytest.mark.parametrize(("key", "before", "after"), FORGOTTEN)
def test_an_order_that_is_forgotten_lets_something_pass(monkeypatch, key, before, after):
    old, new = edited(*before), edited(*after)
    assert looser(old, new)
    assert any(ways(old, new)), "no question shows what this change lets pass"
    forgotten = {**ORDERS, key: replace(ORDERS[key], order=Order.FREE)}
    for module in (changes, comparing, compare_dataset, compare_limits, compare_rules):
        monkeypatch.setattr(module, "ORDERS", forgotten)
    # What the property above would have to accept, and does not.
    assert not looser(old, new)
