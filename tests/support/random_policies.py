"""Random policies, random edits of them, and random questions to ask under both.

A policy is a tree of plain values, written as JSON, which is YAML. An edit may make it invalid;
`parsed` then says so by returning None.
"""

from __future__ import annotations

import copy
import json
from fractions import Fraction

from hypothesis import strategies as st

from cleanroom.model.buckets import Buckets
from cleanroom.model.errors import FieldInvalid, PolicyInvalidError
from cleanroom.model.lift import Adjustment, Design
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.policy.parse import parse_policy

PARTIES = ("acme-brand", "megamart", "fiscal-data")
FAMILIES = ("match_rate", "segment_size", "sales_lift")
PURPOSES = ("measurement", "segmentation", "research")
DATASETS = ("exposures", "sales", "panel")
FROM_S, UNTIL_S = 1_772_323_200, 1_790_812_800  # 2026-03-01 and 2026-10-01, which is outside

# What stands in a tree of either kind: the full one, from which parts are left out at random.
FULL = {
    "version": "cleanroom/v1",
    "collaboration": "spring-campaign",
    "valid": {"from": "2026-03-01", "until": "2026-09-30"},
    "parties": {
        "acme-brand": {"role": "advertiser", "may_ask": list(FAMILIES)},
        "megamart": {"role": "retailer", "may_ask": list(FAMILIES)},
        "fiscal-data": {"role": "data_provider", "may_ask": ["match_rate", "segment_size"]},
    },
    "matching": {
        "scheme": "psi",
        "normalisation": "uid2-2026",
        "keys": ["email", "phone"],
        "default_region": "RU",
    },
    "datasets": {
        "exposures": {
            "owner": "acme-brand",
            "dimensions": {"city": ["ufa", "kazan", "other"], "segment": ["cooks", "other"]},
            "arm": {"column": "arm", "test": "test", "control": "control"},
            "counts": {
                "impressions": {"unit": "count", "max_per_person": 50},
                "clicks": {"max_per_person": 9},
            },
            "time": {"column": "seen_at"},
            "limits": {"filters_per_question": 2, "breakdowns_per_question": 2},
            "breakdowns": {"segment_size": ["city", "segment", "impressions"]},
        },
        "sales": {
            "owner": "megamart",
            "dimensions": {"tier": ["gold", "silver", "other"]},
            "time": {"column": "bought_at"},
            "measures": {
                "amount": {"unit": "minor", "max_per_person": 90_000, "min_per_person": -50},
                "visits": {"unit": "rows", "max_per_person": 60},
            },
            "event_filters": {"category": ["soap", "hair", "other"], "shop": ["big", "small"]},
            "minimum_aggregation": {
                "people": 50,
                "miss_probability": 1e-6,
                "families": {"sales_lift": 80},
            },
            "privacy": {
                "pool": "megamart-2026",
                "definition": "zcdp",
                "epsilon": 4,
                "delta": 1e-7,
                "per_question": 0.5,
            },
            "consent": {f: ["measurement"] for f in FAMILIES},
            "limits": {"questions": {"most": 6, "days": 5}},
        },
        "panel": {
            "owner": "fiscal-data",
            "dimensions": {"income": ["low", "high", "other"]},
            "minimum_aggregation": {"people": 30, "miss_probability": 1e-5},
            "privacy": {
                "pool": "panel-2026",
                "definition": "zcdp",
                "epsilon": 2,
                "delta": 1e-6,
                "per_question": 1,
            },
            "consent": {"match_rate": ["research"]},
        },
    },
    "consent": {
        "base": "research",
        "bases": ["consent", "contract"],
        "epoch_days": 2,
        "max_age_days": 395,
    },
    "retention": {"datasets_days": 90, "measurements_days": 730, "withdrawn_days": 30},
}
# Other words that may stand where a key of this name stands.
WORDS = {
    "from": ["2026-02-01", "2026-04-01"],
    "until": ["2026-08-31", "2026-12-31"],
    "role": ["advertiser", "retailer"],
    "scheme": ["psi", "hmac"],
    "default_region": ["KZ"],
    "owner": list(PARTIES),
    "pool": ["megamart-2026", "megamart-2027"],
    "unit": ["minor", "count"],
    "column": ["other_column"],
    "test": ["exposed"],
    "collaboration": ["autumn-campaign"],
    "base": ["measurement", "research"],
}
ITEMS = {
    "may_ask": FAMILIES,
    "keys": ("email", "phone", "loyalty_id"),
    "match_rate": (*PURPOSES, "city", "tier"),
    "segment_size": (*PURPOSES, "city", "clicks"),
    "sales_lift": (*PURPOSES, "city"),
    "bases": ("consent", "contract", "legitimate_interest"),
}
VALUES = ("ufa", "omsk", "gold", "soap", "fresh", "low")
OPTIONAL = [(path, value) for path, value in [
    (("parties", "soaps"), {"role": "retailer", "may_ask": ["match_rate"]}),
    (("datasets", "loans"), {"owner": "fiscal-data", "dimensions": {"size": ["big", "other"]}}),
    (("datasets", "panel", "limits"), {"breakdowns_per_question": 1}),
    (("datasets", "panel", "breakdowns"), {"match_rate": []}),
    (("datasets", "exposures", "dimensions", "age"), ["young", "other"]),
    (("datasets", "exposures", "minimum_aggregation"), {"people": 60, "miss_probability": 1e-6}),
    (("datasets", "exposures", "consent"), {"segment_size": ["segmentation"]}),
]]  # fmt: skip


def parsed(tree):
    """The policy that a tree is, or None if it is none."""
    try:
        return parse_policy(json.dumps(tree).encode(), "p.yaml")
    except PolicyInvalidError:
        return None


def places(tree, path=()):
    """Every (path, value) of a tree below its root; lists count as values."""
    for key, value in tree.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from places(value, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree.get(key, {})
    return tree


def put(tree, path, value):
    """Return a copy of the tree with a value put in, or None where its place is not there."""
    new = copy.deepcopy(tree)
    parent = at(new, path[:-1])
    if path[:-1] and not parent:
        return None
    parent[path[-1]] = copy.deepcopy(value)
    return new


def drop(tree, path):
    """Return a copy of the tree without an entry."""
    new = copy.deepcopy(tree)
    del at(new, path[:-1])[path[-1]]
    return new


def moved(tree, path, *, first):
    """Return a copy with one entry first or last among its siblings."""
    new = copy.deepcopy(tree)
    parent = at(new, path[:-1])
    value = parent.pop(path[-1])
    rest = dict(parent)
    parent.clear()
    parent.update({path[-1]: value, **rest} if first else {**rest, path[-1]: value})
    return new


@st.composite
def trees(draw):
    """A valid policy: the full one with some of its parts left out and some of the others in."""
    tree = copy.deepcopy(FULL)
    for _ in range(draw(st.integers(0, 5))):
        tried = draw(edits(tree))
        tree = tried if parsed(tried) else tree
    return tree


@st.composite
def edits(draw, tree):
    """A tree with one place of it changed: another value, one more, one fewer, or moved."""
    if draw(st.integers(0, 6)) == 0:
        path, value = draw(st.sampled_from(OPTIONAL))
        return put(tree, path, value) or tree
    path, value = draw(st.sampled_from(list(places(tree))))
    what = draw(st.integers(0, 4))
    if what == 0:
        return drop(tree, path)
    if what == 1 and isinstance(value, dict):
        return moved(tree, path, first=draw(st.booleans()))
    return put(tree, path, draw(_another(path, value)))


def _another(path, value):
    match value:
        case dict():
            return st.just(value)
        case list():
            known = sorted({*ITEMS.get(path[-1], VALUES), *value})
            more = st.lists(st.sampled_from(known), max_size=4, unique=True)
            fewer = st.sampled_from(value or known).map(lambda v: [x for x in value if x != v])
            return fewer | st.permutations(value) | more
        case str():
            return st.sampled_from([value, *WORDS.get(path[-1], [])])
        case int():
            return st.sampled_from([max(1, value - 1), max(1, value // 2), value + 1, value * 2])
        case _:
            return st.sampled_from([value / 2, value * 2])


NAMES = ("city", "segment", "exposures.city", "income", "tier", "sales.tier", "age", "size")
NUMBERS = ("impressions", "exposures.clicks", "amount", "visits")
filters = st.sampled_from(
    [(), (), (("category", ("other",)),), (("category", ("soap",)), ("shop", ("big",)))]
)
windows = st.sampled_from([None, Window(from_s=FROM_S, until_s=FROM_S + 86_400)])
pairs = st.permutations([*DATASETS, "loans"]).map(lambda names: tuple(names[:2]))
bys = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
edges = st.sampled_from([(1,), (1, 5), (1, 10, 40), (1, 60_000)])


@st.composite
def cuts(draw):
    """Dimensions of which one may be a number, with its buckets."""
    by = draw(bys)
    if draw(st.booleans()):
        return by, ()
    name = draw(st.sampled_from(NUMBERS))
    cut = Buckets(dimension=name, edges=draw(edges), window=draw(windows))
    return (*by[:1], name), (cut,)


@st.composite
def _counts(draw):
    by, buckets = draw(cuts())
    datasets = draw(pairs)
    if draw(st.booleans()):
        return MatchRate(datasets=datasets, by=by, buckets=buckets)
    return SegmentSize(datasets=datasets[: draw(st.integers(1, 2))], by=by, buckets=buckets)


@st.composite
def _lifts(draw):
    by, buckets = draw(cuts())
    outcome = draw(st.sampled_from(["amount", "visits", "buyers", "average_order"]))
    design = draw(st.sampled_from(Design))
    try:
        return SalesLift(
            exposures="exposures",
            sales="sales",
            outcome=outcome,
            by=by,
            buckets=buckets,
            window=draw(windows),
            filters=draw(filters),
            design=design,
            bound=draw(st.sampled_from([None, None, 7, 50_000])),
            exposed_by=draw(st.sampled_from(["", "impressions", "clicks"])),
            adjustment=draw(st.sampled_from([Adjustment.NONE, Adjustment.POST_STRATIFIED])),
            strata=draw(st.sampled_from([(), ("segment",)])),
        )
    except FieldInvalid:  # the parts do not go together: a plain one instead
        return SalesLift(exposures="exposures", sales="sales", outcome=outcome)


@st.composite
def _others(draw):
    match draw(st.integers(0, 2)):
        case 0:
            return Overlap(hub="exposures", others=("sales", "panel"), by=draw(st.sampled_from([(), ("city",)])))  # fmt: skip
        case 1:
            grid = draw(st.sampled_from([(1_000, 40_000), (20, 90_000), (5, 30)]))
            measure = draw(st.sampled_from(["amount", "visits"]))
            return ContributionBound(dataset="sales", measure=measure, quantile=_NINETY, grid=grid)
        case _:
            sales = draw(st.booleans())
            definition = RopoDefinition.SHARE_OF_SALES if sales else RopoDefinition.CONVERSION
            return Ropo(
                definition=definition,
                exposures="exposures",
                sales="sales",
                days=14,
                measure="amount" if sales else None,
                filters=draw(filters),
            )


_NINETY = Fraction(9, 10)
questions = st.one_of(_counts(), _lifts(), _others())
times = st.sampled_from(
    [FROM_S - 1, FROM_S, FROM_S + 40 * 86_400, UNTIL_S - 1, UNTIL_S, UNTIL_S + 40 * 86_400]
)
