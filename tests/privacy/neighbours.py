"""A small world of people and its neighbours: the same rows without one person's use.

Must not know questions or noise. A world is, by dataset, the rows of each person; the special
people are those who can do the most harm, and each neighbour takes one of them away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privacy import worst_people as worst
from support.stages import chain

Rows = list[dict[str, Any]]
World = Mapping[str, Mapping[str, Rows]]  # dataset -> person -> rows

BOUND = 1_000  # of `amount` in minor units, as the policy declares it
VISITS = 60
KEYS = ("email", "phone", "loyalty_id")
DUPLICATES = 1_000
CITIES, TIERS = 3, 2
SINGLE_S = 10**6  # when the only buyer bought
WITHDRAWN = (("purposes", 0),)
ENDED = (("consent_until", 1),)
PER_CITY = (70, 60, 20)  # the last is near the line below which a cell is suppressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """The world in which `dataset` lacks `person`: removed, or `without` consent: such rows."""

    name: str
    dataset: str
    person: str
    without: tuple[tuple[str, int], ...] = ()
    plain: bool = False  # does less harm than another one: left to the whole run
    cases: frozenset[str] = frozenset()  # whom alone it can harm most; all if none are named

    def of(self, world: World) -> World:
        """Return the smaller world."""
        people = dict(world[self.dataset])
        rows = people.pop(self.person)
        if self.without:
            people[self.person] = [row | dict(self.without) for row in rows]
        return {**world, self.dataset: people}


NEIGHBOURS = (
    Neighbour(name="a person removed", dataset="exposures", person="e0"),
    Neighbour(name="a buyer removed", dataset="sales", person="e1", plain=True),
    Neighbour(name="a viewer removed", dataset="panel", person="e1", plain=True),
    Neighbour(name="at the clip bound", dataset="sales", person="bound", plain=True),
    Neighbour(name="at the clip bound, exposed", dataset="exposures", person="bound"),
    Neighbour(name="negative", dataset="sales", person="negative"),
    Neighbour(name="far below zero", dataset="sales", person="debtor"),
    Neighbour(name="bought before and after", dataset="sales", person="faithful"),
    Neighbour(name="returned before, bought after", dataset="sales", person="turned"),
    Neighbour(name="1,000 duplicate purchases", dataset="sales", person="duplicates"),
    Neighbour(name="1,000 duplicate exposures", dataset="exposures", person="duplicates"),
    Neighbour(name="1,000 duplicate views", dataset="panel", person="duplicates", plain=True),
    Neighbour(name="rows in every cell", dataset="exposures", person="everywhere"),
    Neighbour(name="rows of every kind", dataset="sales", person="everywhere", plain=True),
    Neighbour(name="most cells moved", dataset="exposures", person="own0"),
    Neighbour(name="most cells moved by a buyer", dataset="sales", person="partner0"),
    Neighbour(name="most stages moved", dataset="exposures", person="watched0"),
    Neighbour(name="most stages moved by a viewer", dataset="panel", person="watching0"),
    Neighbour(name="two cells moved", dataset="exposures", person="own-pair0"),
    Neighbour(name="two cells moved by a buyer", dataset="sales", person="partner-pair0"),
    Neighbour(name="in one side only", dataset="exposures", person="lonely"),
    Neighbour(name="a buyer in one side only", dataset="sales", person="stranger", plain=True),
    Neighbour(name="near the minimum", dataset="exposures", person="e130"),
    Neighbour(name="the only buyer", dataset="sales", person="single"),
    Neighbour(
        name="consent flipped", dataset="exposures", person="e2", without=WITHDRAWN, plain=True
    ),
    Neighbour(name="a buyer's consent flipped", dataset="sales", person="bound", without=WITHDRAWN),
    Neighbour(name="consent ended", dataset="exposures", person="bound", without=ENDED),
    Neighbour(
        name="a buyer's consent ended", dataset="sales", person="e1", without=ENDED, plain=True
    ),
)

NEIGHBOURS += (
    Neighbour(
        name="bought before and after, exposed",
        dataset="exposures",
        person="faithful",
        cases=worst.OF_RESIDUALS,
    ),
    Neighbour(
        name="matched everywhere alone", dataset="exposures", person=worst.HUB, cases=worst.HUBS
    ),
    *(
        Neighbour(name=f"the chain {c.name}", dataset=c.first, person=c.person, cases=c.cases)
        for c in worst.CHAINS
    ),
)


def base() -> World:
    """Return the larger world of all neighbours."""
    world: dict[str, dict[str, Rows]] = {"exposures": {}, "sales": {}, "panel": {}}
    of_chains = (record for chain in worst.CHAINS for record in chain.records())
    for dataset, person, rows in (
        *_ordinary(),
        *_special(),
        *_chains(),
        *of_chains,
        *worst.hub(),
    ):
        world[dataset].setdefault(person, []).extend(rows)
    return world


def rows_of(world: World, dataset: str) -> Rows:
    """Return all rows of a dataset, as its owner uploads them."""
    return [row for rows in world[dataset].values() for row in rows]


def _ordinary() -> Iterator[tuple[str, str, Rows]]:
    """People with one key who bought little or nothing; every fifth is in one side only."""
    cities = [city for city, count in enumerate(PER_CITY) for _ in range(count)]
    for i, city in enumerate(cities):
        key = {"email": f"e{i}"}
        yield "exposures", f"e{i}", [key | {"city": city, "arm": i % 2, "impressions": i % 5}]
        if i % 5 != 0:
            bought = {"amount": 37 * i % 900, "tier": i % TIERS, "category": i % 3, "at": i}
            yield "sales", f"e{i}", [key | bought]
        if i % 3 != 0:
            yield "panel", f"e{i}", [key | {"income": i % 2}]


def _special() -> Iterator[tuple[str, str, Rows]]:
    yield from _person("bound", amounts=(5 * BOUND,))
    yield from _person("negative", amounts=(-300, 100))
    yield from _person("debtor", amounts=(-50 * BOUND,))
    yield from _person("duplicates", amounts=(BOUND,) * DUPLICATES, copies=DUPLICATES)
    yield from _buyer_twice("faithful", early=BOUND, late=3 * BOUND)
    yield from _buyer_twice("turned", early=-2 * BOUND, late=2 * BOUND)
    yield from _person("single", amounts=(BOUND,), at=SINGLE_S)
    yield "exposures", "lonely", [{"email": "lonely", "city": 1, "arm": 1}]
    yield "sales", "stranger", [{"email": "stranger", "amount": BOUND}]
    # Every key type would match this person once more.
    keys = {kind: f"everywhere-{kind}" for kind in KEYS}
    cities = [keys | {"city": city, "arm": 1, "impressions": 50} for city in range(CITIES)]
    yield "exposures", "everywhere", cities
    bought = [keys | {"amount": 400, "tier": i % TIERS, "category": i} for i in range(3)]
    yield "sales", "everywhere", bought


def _person(
    name: str, *, amounts: Sequence[int], copies: int = 1, at: int = 1
) -> Iterator[tuple[str, str, Rows]]:
    key = {"email": name}
    yield "exposures", name, [key | {"city": 0, "arm": 1, "impressions": 3}] * copies
    yield "sales", name, [key | {"amount": amount, "at": at} for amount in amounts]
    yield "panel", name, [key | {"income": 1}] * copies


def _buyer_twice(name: str, *, early: int, late: int) -> Iterator[tuple[str, str, Rows]]:
    key = {"email": name}
    yield "exposures", name, [key | {"city": 0, "arm": 1, "impressions": 3}]
    yield "sales", name, [key | {"amount": early, "at": 1}, key | {"amount": late, "at": 100}]


def _chains() -> Iterator[tuple[str, str, Rows]]:
    """People whose removal changes a pair at every stage, in other cells and by whole bounds."""
    for stages, kind in ((len(KEYS), ""), (2, "-pair")):
        for name, first_is_own in ((f"own{kind}", True), (f"partner{kind}", False)):
            own, partner = chain(stages, first_is_own=first_is_own)
            yield from (("exposures", f"{name}{i}", [_exposed(name, i, own[i])]) for i in own)
            yield from (("sales", f"{name}{i}", _bought(name, i, partner[i])) for i in partner)
    for name, first_is_own in (("watched", True), ("watching", False)):
        own, partner = chain(len(KEYS), first_is_own=first_is_own)
        yield from (("exposures", f"{name}{i}", [_exposed(name, i, own[i])]) for i in own)
        yield from (("panel", f"{name}{i}", [_tokens(name, partner[i])]) for i in partner)


def _exposed(name: str, i: int, tokens: Sequence[int | None]) -> dict[str, Any]:
    far = i > 1
    cell = {"city": int(far), "arm": int(not far), "impressions": 5 * int(far)}
    return _tokens(name, tokens) | cell


def _bought(name: str, i: int, tokens: Sequence[int | None]) -> Rows:
    """The first and second partner bring a whole bound each, the others nothing."""
    row = _tokens(name, tokens) | {"tier": int(i > 1), "at": 1}
    if i not in {1, 2}:
        return [row | {"at": SINGLE_S + 1}]
    return [row | {"amount": BOUND}, *[row] * (VISITS - 1)]


def _tokens(name: str, tokens: Sequence[int | None]) -> dict[str, str]:
    pairs = zip(KEYS, tokens, strict=False)  # a short chain has no token of the last keys
    return {kind: f"{name}-{token}" for kind, token in pairs if token is not None}
