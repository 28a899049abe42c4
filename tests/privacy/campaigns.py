"""Questions of a campaign's life, and random ones, planned without data.

Must not know noise. Plans come from the suite's policy, as the service would make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, product

from cleanroom.analysis.parts import split
from cleanroom.analysis.plan import Plan, plan
from cleanroom.model.allowance import Allowance
from cleanroom.model.question import MatchRate, Population, Question, SalesLift, SegmentSize, Window
from cleanroom.policy.decide import decide
from cleanroom.policy.parse import parse_policy
from cleanroom.privacy.allocation import apart
from privacy.cases import PAIR
from support.rooms import DAY, NOON

QUESTIONS = 200


def planned(policy: str, question: Question, nano_rho: int) -> Plan:
    """Return the plan of a question that the advertiser asks at a loss."""
    return plan(_allowance(policy, question), nano_rho)


def together(policy: str, question: Question, dataset: str) -> Fraction:
    """Return what one record moves at once, over each statistic's own worst case added up."""
    parts = split(_allowance(policy, question), Fraction(1))
    shares = [c.share for release in parts.releases for c in release.charges]
    return parts.moves[dataset] / apart(shares)[dataset]


def _allowance(policy: str, question: Question) -> Allowance:
    parsed = parse_policy(policy.encode())
    return decide(parsed, asker="acme-brand", question=question, now_s=NOON)


def life_of_a_campaign() -> tuple[tuple[str, Question], ...]:
    """Return 200 different questions in the order of a campaign: whom we reach, how it goes, what
    it brought.
    """
    before, during, after = _before(), _during(), _after()
    asked = (*islice(before, 10), *islice(during, 120), *islice(after, QUESTIONS - 130))
    assert len({q for _, q in asked}) == QUESTIONS
    return asked


def _before() -> Iterator[tuple[str, Question]]:
    yield from (("reach", MatchRate(datasets=PAIR, by=by)) for by in ((), ("city",)))
    yield "provider", MatchRate(datasets=("exposures", "panel"))
    yield "provider", MatchRate(datasets=("panel", "sales"))
    for by in ((), ("city",), ("tier",), ("city", "tier")):
        yield "segments", SegmentSize(datasets=PAIR, by=by)
    yield from (("segments", SegmentSize(datasets=("exposures",), by=by)) for by in ((), ("city",)))


def _during() -> Iterator[tuple[str, Question]]:
    """Each of forty days so far: buyers, revenue and visits."""
    for day, outcome in product(range(1, 41), ("buyers", "amount", "visits")):
        window = Window(from_s=NOON, until_s=NOON + day * DAY)
        yield (
            "daily",
            SalesLift(exposures="exposures", sales="sales", outcome=outcome, window=window),
        )


def _after() -> Iterator[tuple[str, Question]]:
    categories = (("hair-colour",), ("hair-care",), ("hair-colour", "hair-care"))
    periods = (30, 60, 90)
    for days, outcome, by, values, population in product(
        periods, ("buyers", "amount", "visits"), ((), ("city",)), categories, Population
    ):
        window = Window(from_s=NOON + DAY, until_s=NOON + days * DAY)
        yield (
            "final",
            SalesLift(
                exposures="exposures",
                sales="sales",
                outcome=outcome,
                by=by,
                window=window,
                filters=(("category", values),),
                population=population,
            ),
        )


def naive_questions(epsilon: Fraction, each: Fraction) -> int:
    """Return how many questions of `each` epsilon a budget affords when epsilons are added up.

    Basic composition, to its advantage: the deltas, which add up as well, are not counted.
    """
    return int(epsilon / each)
