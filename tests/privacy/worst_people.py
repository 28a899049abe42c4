"""People whose removal is the worst of one kind of question: what only they can show to be tight.

Must not know noise. Each chain is of records that share a token with the next one, on sides by
turns; removing the first changes a pair at every stage. `own` are the exposures along it and
`partners` the sales.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from support.stages import chain

KEYS = ("email", "phone", "loyalty_id")
BOUND = 1_000
EARLY_S, LATE_S, NEVER_S = 1, 100, 10**6 + 1  # in windows before and after, and in none
MUCH_LATER_S = 500_000  # more than the days of any question
NOTHING: tuple[tuple[int, int], ...] = ()
BACK = -3 * BOUND // 2  # below the least sum that counts
UNASSIGNED = -1

Bought = tuple[tuple[int, int], ...]  # when, and for how much
Records = Iterator[tuple[str, str, list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain that begins in `first`; who is in which arm, when they were exposed, who buys what."""

    name: str
    first: str
    partners: tuple[Bought, ...]
    stages: int = len(KEYS)
    arms: tuple[int, ...] = (1, 0)
    seen_s: tuple[int, ...] = (EARLY_S, EARLY_S)
    cases: frozenset[str]

    @property
    def person(self) -> str:
        """The record that is removed."""
        return f"{self.name}0"

    def records(self) -> Records:
        """Yield dataset, person and rows along the chain."""
        own, partner = chain(self.stages, first_is_own=self.first == "exposures")
        for place, i in enumerate(sorted(own)):
            row = _tokens(self.name, own[i]) | {
                "city": place,
                "arm": self.arms[place],
                "impressions": 5,
                "at": self.seen_s[place],
            }
            yield "exposures", f"{self.name}{i}", [row]
        for bought, i in zip(self.partners, sorted(partner), strict=True):
            tokens = _tokens(self.name, partner[i])
            rows = [tokens | {"at": at, "amount": amount} for at, amount in bought]
            yield "sales", f"{self.name}{i}", rows or [tokens | {"at": NEVER_S}]


def _tokens(name: str, tokens: tuple[int | None, ...]) -> dict[str, str]:
    named = zip(KEYS, tokens, strict=False)  # a short chain has no token of the last keys
    return {kind: f"{name}-{token}" for kind, token in named if token is not None}


SIGNED = frozenset(
    {
        "buyers as assigned",
        "amount as assigned, with refunds",
        "new buyers",
        "amount with refunds",
        "change of the amount",
    }
)
BEFORE = frozenset({"repeat buyers of the matched", "amount adjusted by before"})
AFTER_CONTACTS = frozenset({"share of sales by tier", "conversion"})
OF_RESIDUALS = frozenset({"buyers adjusted in two stages", "amount by city adjusted in two stages"})
POOLED = frozenset({"amount by city adjusted in two stages"})

_GAIN, _LOSS = ((LATE_S, -BACK),), ((LATE_S, BACK),)
_BOTH = ((EARLY_S, BOUND), (LATE_S, BOUND))
_ONCE, _LATER = ((EARLY_S, BOUND),), ((MUCH_LATER_S, BOUND),)
_AFTER = ((LATE_S, BOUND),)
_BELOW = ((EARLY_S, BACK), (LATE_S, BACK))
_TURNED = ((EARLY_S, BOUND), (LATE_S, BACK))
_APART_S = (EARLY_S, MUCH_LATER_S)

CHAINS = (
    # From the most to the least, or back: a person's value changes by the whole range.
    Chain(name="swing", first="exposures", partners=(_GAIN, _LOSS), cases=SIGNED),
    Chain(name="swung", first="sales", partners=(_LOSS, _GAIN), cases=SIGNED),
    # The same in both windows: products with what was before are at their largest.
    Chain(name="loyal", first="exposures", stages=2, partners=(_BOTH,), cases=BEFORE),
    Chain(name="kept", first="sales", partners=(NOTHING, _BOTH), cases=BEFORE),
    # Each purchase follows the contact of one pair alone.
    Chain(
        name="timed",
        first="exposures",
        partners=(_ONCE, _LATER),
        seen_s=_APART_S,
        cases=AFTER_CONTACTS,
    ),
    Chain(
        name="after", first="sales", partners=(_ONCE, _LATER), seen_s=_APART_S, cases=AFTER_CONTACTS
    ),
    # With a theta of two, residuals at both ends, and moments that no one else cancels.
    Chain(name="residual", first="exposures", partners=(_AFTER, _BOTH), cases=OF_RESIDUALS),
    Chain(name="remainder", first="sales", partners=(_BOTH, _AFTER), cases=OF_RESIDUALS),
    # Of two people who change, only the one is in an arm.
    Chain(
        name="level",
        first="exposures",
        partners=(_BOTH, _BELOW),
        arms=(UNASSIGNED, 1),
        cases=POOLED,
    ),
    Chain(name="fall", first="sales", partners=(_BELOW, _BOTH), arms=(1, UNASSIGNED), cases=POOLED),
    Chain(
        name="cross",
        first="exposures",
        partners=(_BOTH, _TURNED),
        arms=(UNASSIGNED, 1),
        cases=POOLED,
    ),
    Chain(
        name="turn", first="sales", partners=(_TURNED, _BOTH), arms=(1, UNASSIGNED), cases=POOLED
    ),
)

HUB = "hub0"
HUBS = frozenset({"overlap", "overlap by city"})


def hub() -> Records:
    """Yield a person matched everywhere who keeps two others from being matched at all.

    Without them each of the two is found in another dataset: three cells lose or gain one, and
    the cell of those found nowhere loses two.
    """
    shown = {"city": 0, "arm": 1}
    yield "exposures", HUB, [{"email": "hub"} | shown]
    for dataset, person in (("panel", "hub1"), ("sales", "hub2")):
        yield dataset, person, [{"email": "hub", "phone": person}]
        yield "exposures", person, [{"phone": person} | shown]
