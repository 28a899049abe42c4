"""How well two neighbouring worlds can be told apart by what was released, bounded from below.

Must not know questions. Two bounds, each with its own probability of being wrong:

- `epsilon_bound`: Clopper and Pearson (1934) for the two probabilities of an event, so that
  (epsilon, delta) is refuted when P(A) > e^epsilon Q(A) + delta for any event A;
- `rho_bound`: Donsker and Varadhan (1975): KL(P, Q) >= E_P[g] - ln E_Q[e^g] for every bounded g,
  with both means bounded by the empirical Bernstein inequality (Maurer and Pontil, COLT 2009,
  theorem 4). rho-zCDP is D_alpha <= alpha rho for all alpha > 1, so that KL <= rho (BS16).

The function g and the events are chosen on a first part of the draws and judged on the rest: the
attack is fixed before it is judged, but need not be thought of beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from privacy.checks import ALPHA

TRAINED_ON = 5  # one draw in so many chooses the attack
_QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
_RIDGE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A score of releases, about the log of the likelihood ratio of the two worlds.

    `limit` bounds the score; `cuts` are the thresholds whose events are judged.
    """

    centre: np.ndarray  # (features,)
    spread: np.ndarray
    atoms: np.ndarray  # (features,): a value told so often that an exact number may be behind it
    weights: np.ndarray  # (3 features,): of told values, of their being told, of their atoms
    middle: float
    limit: float
    cuts: tuple[float, ...]

    def score(self, releases: np.ndarray) -> np.ndarray:
        """Return one score a release, within +-limit; larger speaks for the first world."""
        features = _features(releases, self.centre, self.spread, self.atoms)
        raw = features @ self.weights - self.middle
        return np.clip(raw, -self.limit, self.limit)


def learn(first: np.ndarray, second: np.ndarray) -> Attack:
    """Return Fisher's linear discriminant of two samples of releases.

    For Gaussian noise of any covariance it is the log of the likelihood ratio, so that it finds
    noise that is used twice: along some direction there is hardly any left.
    """
    both = np.vstack([first, second])
    told = ~np.isnan(both)
    centre = np.array([_mean(c[t]) for c, t in zip(both.T, told.T, strict=True)])
    spread = np.array([_spread(c[t]) for c, t in zip(both.T, told.T, strict=True)])
    atoms = np.array([_atom(a, b) for a, b in zip(first.T, second.T, strict=True)])
    one, other = (_features(x, centre, spread, atoms) for x in (first, second))
    noise = (np.cov(one.T) + np.cov(other.T)) / 2
    ridge = _RIDGE * np.eye(len(noise))
    weights = np.linalg.solve(noise + ridge, one.mean(axis=0) - other.mean(axis=0))
    middle = float((one.mean(axis=0) + other.mean(axis=0)) @ weights / 2)
    scores = np.concatenate([one, other]) @ weights - middle
    return Attack(
        centre=centre,
        spread=spread,
        atoms=atoms,
        weights=weights,
        middle=middle,
        limit=float(min(max(np.abs(scores).max(), 1e-9), 20.0)),
        cuts=tuple(float(c) for c in np.quantile(scores, _QUANTILES)),
    )


def split(releases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the draws that choose the attack, and those that judge it."""
    count = len(releases) // TRAINED_ON
    return releases[:count], releases[count:]


def epsilon_bound(first: np.ndarray, second: np.ndarray, cuts: tuple[float, ...], delta: float):
    """Return an epsilon that any (epsilon, delta) guarantee must reach, from two samples of scores.

    Wrong with probability at most ALPHA: shared among the cuts and the two directions.
    """
    alpha = ALPHA / (4 * len(cuts))
    best = 0.0
    for cut in cuts:
        for p, q in ((first >= cut, second >= cut), (second < cut, first < cut)):
            low, _ = clopper_pearson(int(p.sum()), len(p), alpha)
            _, high = clopper_pearson(int(q.sum()), len(q), alpha)
            best = max(best, math.log(max(low - delta, 1e-300) / high))
    return best


def rho_bound(first: np.ndarray, second: np.ndarray, limit: float) -> float:
    """Return a rho that any zCDP guarantee must reach, from two samples of scores in +-limit.

    Wrong with probability at most ALPHA: shared among the two directions and the two means.
    """
    alpha = ALPHA / 4
    best = 0.0
    for p, q in ((first, second), (-second, -first)):
        mean = -mean_above(-p, 2 * limit, alpha)
        power = mean_above(np.exp(q), math.exp(limit) - math.exp(-limit), alpha)
        best = max(best, mean - math.log(power))
    return best


def clopper_pearson(hits: int, draws: int, alpha: float) -> tuple[float, float]:
    """Return one-sided bounds on a probability, each wrong with probability `alpha`."""
    low = 0.0 if hits == 0 else float(beta.ppf(alpha, hits, draws - hits + 1))
    high = 1.0 if hits == draws else float(beta.isf(alpha, hits + 1, draws - hits))
    return low, high


def mean_above(values: np.ndarray, width: float, alpha: float) -> float:
    """Return a bound that the mean of values of that range exceeds with probability `alpha`."""
    log = math.log(2 / alpha)
    count = len(values)
    deviation = math.sqrt(2 * float(values.var(ddof=1)) * log / count)
    return float(values.mean()) + deviation + 7 * width * log / (3 * (count - 1))


def _features(
    releases: np.ndarray, centre: np.ndarray, spread: np.ndarray, atoms: np.ndarray
) -> np.ndarray:
    told = ~np.isnan(releases)
    scaled = np.where(told, (releases - centre) / spread, 0.0)
    return np.hstack([scaled, told, releases == atoms])


def _atom(first: np.ndarray, second: np.ndarray) -> float:
    """Return the value of a feature that makes up most of a sample, NaN if none makes up half."""
    for sample in (first, second):
        values, counts = np.unique(sample[~np.isnan(sample)], return_counts=True)
        if len(values) and counts.max() > len(sample) / 2:
            return float(values[counts.argmax()])
    return math.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _spread(values: np.ndarray) -> float:
    return float(values.std()) or 1.0 if len(values) else 1.0
