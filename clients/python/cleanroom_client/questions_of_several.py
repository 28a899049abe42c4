"""The part of a room that asks across datasets, after contacts and for bounds; holds no logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cleanroom_client import asking
from cleanroom_client.aim import Aim, Assume, Wish
from cleanroom_client.comparing import Compared, Comparison, PlannedComparison
from cleanroom_client.events import Filters, Span
from cleanroom_client.measurement import Measurement
from cleanroom_client.question import Amount, ContributionBound, Loss, Overlap, Question, Ropo
from cleanroom_client.session import Session


class QuestionsOfSeveral:
    """Overlaps, purchases after contacts, bounds and comparisons; a base of `room.CleanRoom`."""

    _session: Session

    def overlap(
        self,
        hub: str,
        others: Iterable[str],
        *,
        by: Iterable[str] = (),
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask for the people of one dataset by which of two to four others they are matched in."""
        question = Overlap(hub=hub, others=tuple(others), by=tuple(by))
        return self._put(question, Loss(epsilon=epsilon, rho=rho), request_id)

    def ropo_share_of_sales(  # noqa: PLR0913 - a question has many parts
        self,
        *,
        exposures: str,
        sales: str,
        days: int,
        measure: str,
        by: Iterable[str] = (),
        window: Span | None = None,
        filters: Mapping[str, Iterable[str]] | None = None,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask for the part of all purchases that came at most `days` after a contact online."""
        question = Ropo(
            definition="share_of_sales",
            exposures=exposures,
            sales=sales,
            days=days,
            measure=measure,
            by=tuple(by),
            window=window,
            filters=dict(filters or {}),
        )
        return self._put(question, Loss(epsilon=epsilon, rho=rho), request_id)

    def ropo_conversion(  # noqa: PLR0913 - a question has many parts
        self,
        *,
        exposures: str,
        sales: str,
        days: int,
        by: Iterable[str] = (),
        window: Span | None = None,
        filters: Mapping[str, Iterable[str]] | None = None,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask for the part of the people with a contact online who purchased within `days`."""
        question = Ropo(
            definition="conversion",
            exposures=exposures,
            sales=sales,
            days=days,
            by=tuple(by),
            window=window,
            filters=dict(filters or {}),
        )
        return self._put(question, Loss(epsilon=epsilon, rho=rho), request_id)

    def contribution_bound(  # noqa: PLR0913 - a question has many parts
        self,
        *,
        dataset: str,
        measure: str,
        quantile: Amount,
        grid: Iterable[int],
        window: Span | None = None,
        filters: Filters | None = None,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask where to clip a measure: the least of `grid` that `quantile` do not exceed."""
        question = ContributionBound(
            dataset=dataset,
            measure=measure,
            quantile=quantile,
            grid=tuple(grid),
            window=window,
            filters=dict(filters or {}),
        )
        return self._put(question, Loss(epsilon=epsilon, rho=rho), request_id)

    def compare_providers(
        self,
        question: Compared,
        providers: Iterable[str],
        *,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Comparison:
        """Ask the same match rate or lift of several datasets, each for the loss given.

        `question` names one of `providers`, in whose place each is put. What the policy or a
        budget refuses for one stands beside the answers of the others. Repeating a call that
        failed needs its `request_id`: then no answer is paid for twice.
        """
        loss = Loss(epsilon=epsilon, rho=rho)
        base = self._id(request_id)
        return asking.compare(self._session, question, providers, loss, base)

    def plan_comparison(
        self,
        question: Compared,
        providers: Iterable[str],
        *,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        assume: Assume | None = None,
        wish: Wish | None = None,
        power: float | None = None,
        significance: float | None = None,
    ) -> PlannedComparison:
        """Return what a comparison of providers would cost and how precise it would be, for free.

        What is assumed is assumed of each provider alike; see `plan`.
        """
        loss = Loss(epsilon=epsilon, rho=rho)
        aim = Aim(assume=assume, wish=wish, power=power, significance=significance)
        return asking.plan_comparison(self._session, question, providers, loss, aim)

    def _put(self, question: Question, loss: Loss, request_id: str | None) -> Measurement:
        return asking.ask(self._session, question, loss, self._id(request_id))

    def _id(self, request_id: str | None) -> str:
        return request_id or self._session.environment.new_request_id()
