"""Attackers who play the membership game: is the target in the retailer's data, yes or no?

Must not know who wins. Each attacker is a sequence of questions over two worlds that differ by
the target alone, and a rule that turns all answers into a guess. They are the attacks that real
clean rooms met: differencing, averaging, a list of sentinels, and the same data under new names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cleanroom.model.question import Question, SegmentSize
from cleanroom.privacy.loss import NANO
from privacy.campaigns import planned
from privacy.cases import PAIR, POLICY
from privacy.neighbours import World
from privacy.running import Run, ask, draws, open_room

TARGET = "target"
KNOWN = 99  # sentinels whom the attacker knows to be in the data
NAMES = 20
MATCHED = SegmentSize(datasets=PAIR, by=())
_HUNDRED = POLICY.replace(
    "people: 10, miss_probability: 1e-2", "people: 100, miss_probability: 0.5"
)

# One step: the attacker's own list, and what is asked over it at which loss.
Step = tuple[Sequence[str], Question, Fraction]
Rule = Callable[[Sequence[np.ndarray]], np.ndarray]  # answers, (games,) each -> guesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """An attacker: the policy, the retailer's people beside the target, the steps, the rule.

    An answer is the noisy count, NaN where it is suppressed.
    """

    name: str
    steps: tuple[Step, ...]
    guess: Rule
    policy: str = POLICY
    people: tuple[str, ...] = ()
    holders: tuple[str, ...] = ("sales",)  # datasets of the retailer that hold its people


def played(game: Game, games: int) -> tuple[float, int]:
    """Return the share of right guesses, and what the retailer's people paid in nano-rho.

    The target is there in every other game.
    """
    right, cost = 0, 0
    for there in (True, False):
        runs = _answers(game, there=there)
        cost = sum(c for r in runs for ledger, c in r.plan.debits if ledger.owner == "megamart")
        told = [draws(run, games // 2)[:, 0] for run in runs]
        right += int((game.guess(told) == there).sum())
    return right / (games // 2 * 2), cost


def _answers(game: Game, *, there: bool) -> list[Run]:
    """Return one whole run of each step; the attacker uploads a new list where it changes."""
    held = (*game.people, TARGET) if there else game.people
    room, last, runs = None, None, []
    for own, question, rho in game.steps:
        if own != last or room is None:
            world = {"exposures": _rows(own), **{d: _rows(held) for d in game.holders}}
            room = open_room(game.policy, world)
        runs.append(ask(room, question, rho=rho))
        last = own
    return runs


def _rows(people: Sequence[str]) -> dict[str, list[dict[str, object]]]:
    return {person: [{"email": person}] for person in people}


def world_of(game: Game) -> World:
    """Return the data of the game's first step with the target."""
    own, _, _ = game.steps[0]
    held = (*game.people, TARGET)
    return {"exposures": _rows(own), **{d: _rows(held) for d in game.holders}}


def _crowd(count: int) -> tuple[str, ...]:
    return tuple(f"p{i}" for i in range(count))


def differencing(rho: Fraction) -> Game:
    """The size of S against that of S without the target."""
    crowd = _crowd(60)
    return Game(
        name="differencing",
        people=crowd,
        steps=(((*crowd, TARGET), MATCHED, rho / 2), (crowd, MATCHED, rho / 2)),
        guess=lambda told: told[0] - told[1] > 0.5,
    )


def averaging(rho: Fraction, times: int = 10) -> Game:
    """The same count many times, each at a loss that is a little different from the last."""
    crowd = _crowd(60)
    little = Fraction(1, 10**9)
    losses = [rho / times - i * little for i in range(times)]
    return Game(
        name="averaging",
        people=crowd,
        steps=tuple(((*crowd, TARGET), MATCHED, loss) for loss in losses),
        guess=lambda told: np.mean(told, axis=0) > len(crowd) + 0.5,
    )


def sentinels(rho: Fraction) -> Game:
    """99 people who are known to be there, and the target, at a minimum of 100.

    Whether the answer is withheld is read as well as the answer.
    """
    return _sentinels("sentinels", KNOWN, rho)


def sentinels_at_the_line(rho: Fraction) -> Game:
    """As many who are known to be there as the public line of suppression needs but one."""
    line = planned(_HUNDRED, MATCHED, int(rho * NANO)).line
    return _sentinels("sentinels at the line", line - 1, rho)


def _sentinels(name: str, count: int, rho: Fraction) -> Game:
    known = _crowd(count)
    return Game(
        name=name,
        policy=_HUNDRED,
        people=known,
        steps=(((*known, TARGET), MATCHED, rho),),
        guess=lambda told: np.nan_to_num(told[0], nan=0.0) > count + 0.5,
    )


def renaming(rho: Fraction) -> Game:
    """The same people under twenty names of datasets, each asked for its share of the loss."""
    names = tuple(f"sales-{i:02}" for i in range(NAMES))
    crowd = _crowd(60)
    steps = tuple(
        ((*crowd, TARGET), SegmentSize(datasets=("exposures", name), by=()), rho / NAMES)
        for name in names
    )
    return Game(
        name="renaming",
        policy=renamed(names),
        people=crowd,
        holders=names,
        steps=steps,
        guess=lambda told: np.mean(told, axis=0) > len(crowd) + 0.5,
    )


def renamed(names: Sequence[str]) -> str:
    """Return the policy with the sales dataset declared under each of `names`, in one pool."""
    start, end = POLICY.index("  sales:\n"), POLICY.index("  panel:\n")
    sales = POLICY[start:end]
    return (
        POLICY[:start] + "".join(sales.replace("sales:", f"{n}:", 1) for n in names) + POLICY[end:]
    )


GAMES = (differencing, averaging, sentinels, sentinels_at_the_line, renaming)
