"""One question put to several providers' datasets, one after the other; knows no service's inside.

Each provider's question has a request id of its own, derived from one base id, so that the same
comparison after a failure asks only what was not answered, and nothing is paid for twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cleanroom_client.errors import QuestionInvalid, RoomError
from cleanroom_client.measurement import CellResult, Figure, Measurement
from cleanroom_client.plan import Plan
from cleanroom_client.question import MatchRate, SalesLift
from cleanroom_client.refusals import refusal_json

if TYPE_CHECKING:
    import pandas as pd

Compared = MatchRate | SalesLift
Answered = TypeVar("Answered", Measurement, Plan)

# About one provider's dataset or the people in it: the others may still answer.
_OF_ONE = frozenset(
    {
        "QUESTION_REFUSED",
        "BUDGET_EXHAUSTED",
        "DATASET_NOT_SEALED",
        "MEASUREMENT_LOST",
        "PRECISION_OUT_OF_REACH",
    }
)
_NAMED_AFTER_A_DATASET = ("people_", "match_rate_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Of(Generic[Answered]):
    """What one provider's dataset gave: an answer, or why the service refused it."""

    provider: str
    request_id: str
    answer: Answered | None
    refusal: RoomError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Measurements of one question by provider, and refusals beside them.

    `request_id` is the base: the same comparison under it asks only what is missing.
    """

    request_id: str
    providers: tuple[Of[Measurement], ...]

    @property
    def answered(self) -> Mapping[str, Measurement]:
        """The measurements by provider."""
        return {of.provider: of.answer for of in self.providers if of.answer is not None}

    @property
    def refused(self) -> Mapping[str, RoomError]:
        """Why the others were not answered."""
        return {of.provider: of.refusal for of in self.providers if of.refusal is not None}

    @property
    def debits(self) -> Mapping[str, int]:
        """What all answers cost each ledger together, in 1e-9 of rho."""
        return _added_up(m.debits for m in self.answered.values())

    def figure(self, name: str) -> Mapping[str, Figure]:
        """Return one figure by provider, of a comparison without breakdown; raises KeyError.

        Figures named after the provider's dataset have `provider` in its place, as in
        `match_rate_provider`.
        """
        found: dict[str, Figure] = {}
        for provider, measurement in self.answered.items():
            (cell,) = measurement.cells
            found[provider] = {f.name: f for f in figures_of(cell, provider)}[name]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return {
            "request_id": self.request_id,
            "answered": {p: m.to_dict() for p, m in self.answered.items()},
            "refused": {p: refusal_json(e) for p, e in self.refused.items()},
            "debits": dict(self.debits),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each provider, cell and figure."""
        import pandas as pd  # noqa: PLC0415 - a second to load, for those who want a frame

        if not self.answered:
            return pd.DataFrame(columns=["provider"])
        frames = []
        for provider, measurement in self.answered.items():
            frame = measurement.to_pandas()
            frame["name"] = [general_name(name, provider) for name in frame["name"]]
            frame.insert(0, "provider", provider)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedComparison:
    """Plans of one question by provider, and refusals beside them."""

    providers: tuple[Of[Plan], ...]

    @property
    def debits(self) -> Mapping[str, int]:
        """What all questions would cost each ledger together, in 1e-9 of rho."""
        plans = (of.answer for of in self.providers if of.answer is not None)
        return _added_up([(d.ledger, d.nano_rho) for d in plan.debits] for plan in plans)

    def to_dict(self) -> dict[str, Any]:
        """Return the plans as plain JSON values."""
        return {
            "planned": {of.provider: of.answer.to_dict() for of in self.providers if of.answer},
            "refused": {
                of.provider: refusal_json(of.refusal) for of in self.providers if of.refusal
            },
            "debits": dict(self.debits),
        }


def of_provider(question: Compared, providers: Iterable[str], provider: str) -> Compared:
    """Return the question as it is put to one of the providers; raises QuestionInvalid."""
    return _placed(question, _provider_named(question, tuple(providers)), provider)


def put_to_each(
    question: Compared,
    providers: Iterable[str],
    base: str,
    put: Callable[[Compared, str], Answered],
) -> tuple[Of[Answered], ...]:
    """Put the question to each provider, in order, with a request id for each.

    `question` names one of the providers, which is replaced by each. Raises QuestionInvalid, and
    what `put` raises unless it is a refusal of this provider's dataset.
    """
    names = tuple(dict.fromkeys(providers))
    old = _provider_named(question, names)
    placed = [_placed(question, old, name) for name in names]
    return tuple(_of(name, q, base, put) for name, q in zip(names, placed, strict=True))


def request_id_of(base: str, provider: str) -> str:
    """Return the request id of one provider's question, always the same for the same base."""
    return hashlib.sha256(f"{base}/{provider}".encode()).hexdigest()[:32]


def _of(
    provider: str, question: Compared, base: str, put: Callable[[Compared, str], Answered]
) -> Of[Answered]:
    request_id = request_id_of(base, provider)
    answer, refusal = None, None
    try:
        answer = put(question, request_id)
    except RoomError as error:
        if error.reason not in _OF_ONE:
            raise
        refusal = error
    return Of(provider=provider, request_id=request_id, answer=answer, refusal=refusal)


def _provider_named(question: Compared, providers: Sequence[str]) -> str:
    named = [d for d in question.datasets if d in providers]
    if len(named) != 1:
        raise QuestionInvalid(
            "compare: the question has to name exactly one of the providers' datasets"
        )
    return named[0]


def _placed(question: Compared, old: str, provider: str) -> Compared:
    """Return the question about `provider` in place of `old`, which it names."""
    by = tuple(_renamed(dimension, old, provider) for dimension in question.by)
    buckets = {_renamed(name, old, provider): cut for name, cut in question.buckets.items()}
    match question:
        case MatchRate(datasets=datasets):
            swapped = tuple(provider if d == old else d for d in datasets)
            return replace(question, datasets=swapped, by=by, buckets=buckets)
        case SalesLift(exposures=exposures, sales=sales):
            return replace(
                question,
                exposures=provider if exposures == old else exposures,
                sales=provider if sales == old else sales,
                by=by,
                buckets=buckets,
            )


def _renamed(dimension: str, old: str, new: str) -> str:
    dataset, dot, column = dimension.rpartition(".")
    return f"{new if dataset == old else dataset}{dot}{column}"


def figures_of(cell: CellResult, provider: str) -> Iterator[Figure]:
    """Yield the figures of a cell under the names that all providers share."""
    for figure in cell.figures:
        yield replace(figure, name=general_name(figure.name, provider))


def general_name(name: str, provider: str) -> str:
    """Return `match_rate_provider` for `match_rate_panel` of the provider `panel`."""
    slug = provider.replace("-", "_")
    for prefix in _NAMED_AFTER_A_DATASET:
        if name == f"{prefix}{slug}":
            return f"{prefix}provider"
    return name


def _added_up(debits: Iterable[Iterable[tuple[str, int]]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for ledger, cost in (debit for one in debits for debit in one):
        total[ledger] = total.get(ledger, 0) + cost
    return total
