"""Allowances as a policy would resolve them, for tests of plans and estimates."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from cleanroom.model.allowance import Allowance, Grouping, LedgerTerms, MinimumAggregation
from cleanroom.model.consent import purpose_bits
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit
from cleanroom.model.lift import Adjustment
from cleanroom.model.names import LedgerName
from cleanroom.model.question import (
    Buckets,
    ContributionBound,
    MatchRate,
    Overlap,
    Population,
    Question,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)

KEYS = tuple(KeyType)
CITY = Domain(name="city", values=("ufa", "kazan", "other"))
SEGMENT = Domain(name="segment", values=("cooks", "other"))
TIER = Domain(name="tier", values=("gold", "other"))
MINIMUM = MinimumAggregation(people=50, miss_probability=Fraction(1, 10**6))
ADVERTISER = LedgerName(owner="acme-brand", pool="spring")
RETAILER = LedgerName(owner="megamart", pool="loyalty")
PROVIDER = LedgerName(owner="fiscal-data", pool="panel")


def schemas(stages=3):
    """The advertiser's `exposures` and the retailer's `store-sales`."""
    exposures = DatasetSchema(
        name="exposures",
        owner="acme-brand",
        keys=KEYS[:stages],
        dimensions=(CITY, SEGMENT),
        has_arm=True,
        counts=(Bounded(name="impressions", unit=Unit.COUNT, max_per_person=50),),
    )
    sales = DatasetSchema(
        name="store-sales",
        owner="megamart",
        keys=KEYS[:stages],
        dimensions=(TIER,),
        measures=(
            Bounded(name="amount", unit=Unit.MINOR, max_per_person=1_500_000),
            Bounded(name="visits", unit=Unit.ROWS, max_per_person=60),
        ),
        timed=True,
    )
    return exposures, sales


def other(name, stages=3):
    """A dataset of the provider's."""
    return DatasetSchema(name=name, owner="fiscal-data", keys=KEYS[:stages])


def terms(name, datasets, *, per_question=Fraction(1, 2), epsilon=Fraction(4)):
    return LedgerTerms(
        ledger=name,
        epsilon=epsilon,
        per_question=per_question,
        delta=Fraction(1, 10**7),
        datasets=datasets,
    )


def allow(
    question: Question,
    *,
    stages=3,
    bound=1,
    groupings=(),
    ledgers=None,
    minimum=MINIMUM,
    **of_a_lift,
) -> Allowance:
    by_name = {s.name: s for s in schemas(stages)}
    ledger_of = {"exposures": ADVERTISER, "store-sales": RETAILER}
    return Allowance(
        question=question,
        schemas=tuple(by_name.get(d) or other(d, stages) for d in question.datasets),
        groupings=groupings,
        stages=KEYS[:stages],
        purposes=purpose_bits(["measurement"]),
        minimum=minimum,
        ledgers=ledgers
        or tuple(
            terms(ledger_of.get(d, replace(PROVIDER, pool=d)), (d,)) for d in question.datasets
        ),
        bound=bound,
        **of_a_lift,
    )


BY_CITY = Grouping(dataset="exposures", domain=CITY)
BY_SEGMENT = Grouping(dataset="exposures", domain=SEGMENT)
BY_TIER = Grouping(dataset="store-sales", domain=TIER)
BY_FREQUENCY = Grouping(
    dataset="exposures",
    domain=Domain(name="impressions", values=("0", "1", "2-4", "5+")),
    buckets=Buckets(dimension="exposures.impressions", edges=(1, 2, 5)),
)
BY_SPEND = Grouping(
    dataset="store-sales",
    domain=Domain(name="amount", values=("0 or less", "0.01-14,999.99", "15,000+")),
    buckets=Buckets(dimension="store-sales.amount", edges=(1, 1_500_000)),
)
PAIR = ("exposures", "store-sales")


WINDOW, BEFORE = Window(from_s=100, until_s=200), Window(from_s=0, until_s=100)


def before(adjustment=Adjustment.NONE, **asked):
    """Return the parts of a lift that looks at what people did before."""
    return {"window": WINDOW, "before": BEFORE, "adjustment": adjustment, **asked}


def match_rate(*, stages=3, by_city=False, **options) -> Allowance:
    by = ("exposures.city",) if by_city else ()
    groupings = (BY_CITY,) if by_city else ()
    return allow(MatchRate(datasets=PAIR, by=by), stages=stages, groupings=groupings, **options)


def segment_size(*groupings: Grouping, datasets=PAIR, stages=3, **options) -> Allowance:
    by = tuple(f"{g.dataset}.{g.domain.name}" for g in groupings)
    buckets = tuple(g.buckets for g in groupings if g.buckets)
    question = SegmentSize(datasets=datasets, by=by, buckets=buckets)
    return allow(question, stages=stages, groupings=groupings, **options)


def sales_lift(
    outcome="amount",
    *,
    bound=1_500_000,
    stages=3,
    population=Population.ALL,
    by_city=False,
    asked=None,
    **options,
) -> Allowance:
    """Return a lift; `asked` are further parts of the question, as `design` and `adjustment`."""
    question = SalesLift(
        exposures="exposures",
        sales="store-sales",
        outcome=outcome,
        population=population,
        by=("exposures.city",) if by_city else (),
        **(asked or {}),
    )
    groupings = (BY_CITY,) if by_city else ()
    return allow(question, stages=stages, bound=bound, groupings=groupings, **options)


def contribution_bound(
    *, grid=(100, 1_000, 10_000), quantile=Fraction(19, 20), bound=1_500_000, **options
) -> Allowance:
    question = ContributionBound(
        dataset="store-sales", measure="amount", quantile=quantile, grid=grid
    )
    return allow(question, bound=bound, **options)


OTHERS = ("panel", "store-sales", "telco", "web")


def overlap(*, others=2, stages=3, by_city=False, **options) -> Allowance:
    """The advertiser's people by which of the first so many of OTHERS know them."""
    by = ("exposures.city",) if by_city else ()
    question = Overlap(hub="exposures", others=OTHERS[:others], by=by)
    groupings = (BY_CITY,) if by_city else ()
    return allow(question, stages=stages, groupings=groupings, **options)


def conversion(*, stages=3, by_city=False, **options) -> Allowance:
    question = Ropo(
        definition=RopoDefinition.CONVERSION,
        exposures="exposures",
        sales="store-sales",
        days=7,
        by=("exposures.city",) if by_city else (),
    )
    groupings = (BY_CITY,) if by_city else ()
    return allow(question, stages=stages, groupings=groupings, **options)


def share_of_sales(measure="visits", *, bound=60, stages=3, by_tier=False, **options) -> Allowance:
    question = Ropo(
        definition=RopoDefinition.SHARE_OF_SALES,
        exposures="exposures",
        sales="store-sales",
        days=7,
        measure=measure,
        by=("store-sales.tier",) if by_tier else (),
    )
    groupings = (BY_TIER,) if by_tier else ()
    return allow(question, stages=stages, bound=bound, groupings=groupings, **options)
