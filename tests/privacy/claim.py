"""What the suite holds against a case: the claim itself, as checks that raise when it is false.

Must not know which bug, if any, is in the service. Each function holds one promise over one case
and one neighbour, exactly or on draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from scipy.stats import norm

from cleanroom.privacy.loss import NANO, epsilon_of
from privacy.cases import DELTA, Case
from privacy.checks import ALPHA, Check, hold
from privacy.distinguish import epsilon_bound, learn, rho_bound, split
from privacy.goodness import has_the_law
from privacy.neighbours import Neighbour
from privacy.running import Run, noise_of

Pair = tuple[Run, Run]
LEAST = 1_000  # draws of each statistic that are compared with the others'


def owner_of(dataset: str) -> str:
    """Return whose people a dataset of the suite's policy holds."""
    return {"exposures": "acme-brand", "sales": "megamart", "panel": "fiscal-data"}[dataset]


def paid(run: Run, dataset: str) -> int:
    """Return what the people of a dataset paid for an answer, in nano-rho; 0 if not concerned."""
    return sum(cost for ledger, cost in run.plan.debits if ledger.owner == owner_of(dataset))


def lost(pair: Pair) -> Fraction:
    """Return the rho by which the noise of the first world's plan tells the two worlds apart.

    Gaussian noise of scales sigma_j loses sum_j d_j^2 / (2 sigma_j^2) (CKS20, theorem 14).
    """
    statistics = pair[0].statistics
    return sum(
        (Fraction(moved(pair, s.released)) / (2 * Fraction(s.scale) ** 2) for s in statistics),
        Fraction(0),
    )


def exact_loss_is_paid(case: Case, neighbour: Neighbour, pair: Pair) -> None:
    """Hold that the exact integers of two worlds differ by no more than was paid for."""
    larger, _ = pair
    hold(
        Check(
            part="D2",
            name=f"exact loss: {case.name}, {neighbour.name}",
            statistic=float(lost(pair) * NANO),
            bound=float(paid(larger, neighbour.dataset)),
        )
    )


def withdrawal_is_removal(case: Case, neighbour: Neighbour, pair: Pair) -> None:
    """Hold that nobody is counted without consent: withdrawn or ended, it is as if removed."""
    withdrawn, removed = (run.integers for run in pair)
    hold(
        Check(
            part="D2",
            name=f"counted without consent: {case.name}, {neighbour.name}",
            statistic=float(sum(withdrawn[name] != removed[name] for name in removed)),
            bound=0.0,
        )
    )


def moved(pair: Pair, released: Sequence[str]) -> int:
    """Return the squared length by which a statistic differs between two worlds."""
    larger, smaller = (run.integers for run in pair)
    return sum((a - b) ** 2 for n in released for a, b in zip(larger[n], smaller[n], strict=True))


def releases_hardly_differ(
    name: str, samples: tuple[np.ndarray, np.ndarray], nano_rho: int, part: str = "D2"
) -> None:
    """Hold that an attacker trained on draws tells two worlds apart no better than was paid for."""
    (train_a, first), (train_b, second) = (split(sample) for sample in samples)
    attack = learn(train_a, train_b)
    scores = attack.score(first), attack.score(second)
    judged = len(scores[0]) + len(scores[1])
    for kind, found, bound in (
        (
            "epsilon",
            epsilon_bound(*scores, attack.cuts, float(DELTA)),
            float(epsilon_of(nano_rho, DELTA)),
        ),
        ("rho", rho_bound(*scores, attack.limit), nano_rho / NANO),
    ):
        hold(
            Check(
                part=part,
                name=f"{kind}: {name}",
                statistic=found,
                bound=bound,
                draws=judged,
                false_alarm=ALPHA,
            )
        )


def noise_is_what_was_debited(case: Case, run: Run, count: int) -> None:
    """Hold that the noise of every statistic has the law and the scale of its debit."""
    for name, noise in noise_of(run, count).items():
        scale = run.plan.statistic(name).scale
        hold(has_the_law(f"noise of {name}: {case.name}", noise, scale))


def noise_is_used_once(name: str, *drawn: Mapping[str, np.ndarray]) -> None:
    """Hold that no two statistics, of one answer or of several, share their noise."""
    columns = [noise[:LEAST] for answer in drawn for noise in answer.values()]
    count = len(columns[0])
    pairs = math.comb(len(columns), 2)
    if not pairs:
        return
    found = np.abs(np.corrcoef(np.array(columns))[np.triu_indices(len(columns), 1)]).max()
    # Fisher (1921): atanh(r) sqrt(n - 3) of independent columns is about standard normal.
    hold(
        Check(
            part="D1",
            name=f"largest correlation of noise: {name}",
            statistic=float(np.arctanh(min(found, 1 - 1e-12)) * math.sqrt(count - 3)),
            bound=float(norm.isf(ALPHA / (2 * pairs))),
            draws=count,
            false_alarm=ALPHA,
        )
    )
