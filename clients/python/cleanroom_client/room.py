"""The partner's front door: one object for everything a profile may do; holds no logic itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cleanroom.v1 import dataset_pb2, ledger_pb2
from cleanroom_client import accepting, asking, examining, sealing, stepping
from cleanroom_client.accepting import Accepted, Proposed
from cleanroom_client.agent import Agent, Waiting
from cleanroom_client.agreement import Collaboration
from cleanroom_client.aim import Aim, Assume, Wish
from cleanroom_client.buckets import Cut, buckets_of
from cleanroom_client.connect import passphrase_from_environment, real_environment
from cleanroom_client.credentials import load_credentials
from cleanroom_client.environment import Environment
from cleanroom_client.events import Filters, Span
from cleanroom_client.measurement import Measurement
from cleanroom_client.people import PeopleOfDatasets
from cleanroom_client.plan import Plan
from cleanroom_client.products import product_filters
from cleanroom_client.profile import Profile
from cleanroom_client.progress import Progress, silent
from cleanroom_client.question import (
    Amount,
    Loss,
    MatchRate,
    Question,
    SalesLift,
    SegmentSize,
)
from cleanroom_client.questions_of_several import QuestionsOfSeveral
from cleanroom_client.reads_log import ReadsLog
from cleanroom_client.session import Session
from cleanroom_client.stepping import TakenStep
from cleanroom_client.transport import Patience, open_transport
from cleanroom_client.values import (
    Balance,
    DatasetStatus,
    RequestSummary,
    UploadResult,
    UploadStatus,
    Version,
)

if TYPE_CHECKING:  # pandas takes a second to load, and most commands do without
    import pandas as pd
    import pyarrow as pa

    from cleanroom_client.bringing import Brought
    from cleanroom_client.consent.rules import ConsentRules
    from cleanroom_client.upload import Delivery


class CleanRoom(QuestionsOfSeveral, ReadsLog, PeopleOfDatasets):
    """A connection as one party, officer or auditor; a context manager that closes it.

    Every method may raise ClientError; those that read tables BadInput, those that use secrets
    KeystoreError. Each is one sentence that says what to do.
    """

    def __init__(self, session: Session) -> None:
        """Use `connect`."""
        self._session = session

    @classmethod
    def connect(
        cls,
        profile: Profile | Path | str,
        *,
        patience: Patience | None = None,
        passphrase: str | None = None,
        environment: Environment | None = None,
    ) -> Self:
        """Check the profile and its certificate; the connection is made by the first call.

        The keystore's passphrase comes from CLEANROOM_PASSPHRASE if it is not given.
        Raises ProfileInvalid, CertificateUnusable.
        """
        if not isinstance(profile, Profile):
            profile = Profile.load(profile)
        environment = environment or real_environment()
        credentials = load_credentials(profile, environment.now())
        transport = open_transport(
            profile, credentials, patience=patience or Patience(), environment=environment
        )
        return cls(
            Session(
                profile=profile,
                credentials=credentials,
                transport=transport,
                environment=environment,
                passphrase=passphrase or passphrase_from_environment(),
            )
        )

    def __enter__(self) -> Self:
        """Return the room."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._session.transport.close()

    @property
    def profile(self) -> Profile:
        """Who this is."""
        return self._session.profile

    def examine(self) -> Iterator[examining.Finding]:
        """Look for what could keep commands from working; changes nothing, raises nothing."""
        return examining.examine(self._session)

    # Agreeing

    def propose(self, path: Path | str) -> Proposed:
        """Put a policy file before the parties it names."""
        return accepting.propose(self._session, Path(path))

    def preview(self, path: Path | str) -> Proposed:
        """Say what proposing a policy file would mean; nothing is kept."""
        return accepting.preview(self._session, Path(path))

    def accept(self, digest: str | None = None) -> Accepted:
        """Accept the latest proposal, only if it has `digest` where that is given."""
        return accepting.accept(self._session, digest)

    def collaboration(self) -> Collaboration:
        """Return the policy in force, the latest proposal, and who has accepted."""
        return self._session.collaboration()

    def history(self) -> tuple[TakenStep, ...]:
        """Return the steps by which the collaboration came where it is, verified here."""
        return stepping.history(self._session, self._session.collaboration().name)

    def now(self) -> datetime:
        """Return this machine's time."""
        return self._session.environment.now()

    # Bringing data

    def upload(
        self,
        dataset: str,
        data: pd.DataFrame | pa.Table | Path | str,
        *,
        mapping: Mapping[str, str] | None = None,
        delimiter: str | None = None,
        consent: ConsentRules | Path | str | None = None,
        again: bool = False,
        progress: Progress = silent,
    ) -> UploadResult:
        """Bring a table: a DataFrame, an Arrow table, or the path of a CSV or Parquet file.

        `mapping` is {column: header} where the names differ. `consent` are the rules, or their
        file, by which the TCF or GPP strings in the column `consent_string` are read; without it
        consent comes from columns. Identifiers are blinded on this machine. The same call after
        a failure goes on where it stopped; `again` starts over.
        """
        from cleanroom_client.upload import upload  # noqa: PLC0415 - loads Arrow

        delivery = _delivery(dataset, data, mapping, delimiter, consent, again=again)
        return upload(self._session, delivery, progress)

    def bring(
        self,
        dataset: str,
        data: pd.DataFrame | pa.Table | Path | str,
        *,
        mapping: Mapping[str, str] | None = None,
        delimiter: str | None = None,
        consent: ConsentRules | Path | str | None = None,
        again: bool = False,
        max_wait_s: float = 600.0,
        progress: Progress = silent,
    ) -> Brought:
        """Upload a table, blind what the others brought meanwhile, and seal when they did the same.

        The parameters are those of `upload` and `blind`. The same call after a failure goes on
        where it stopped. Whoever ends first is not there for those who come later: they need this
        party's `blind`.
        """
        from cleanroom_client.bringing import bring  # noqa: PLC0415 - loads Arrow

        delivery = _delivery(dataset, data, mapping, delimiter, consent, again=again)
        return bring(self._session, delivery, progress, max_wait_s=max_wait_s)

    def blind(
        self,
        *,
        watch: bool = False,
        max_wait_s: float = 600.0,
        progress: Progress = silent,
    ) -> int:
        """Do this party's part for the other parties' uploads until nothing more is to come.

        With `watch` it never returns by itself. Returns the number of elements evaluated.
        Raises WaitedTooLong after `max_wait_s` without any work though some is to come.
        """
        with Agent(self._session, progress) as agent:
            return agent.run(Waiting(watch=watch, max_wait_s=max_wait_s))

    def seal(self, dataset: str) -> Version:
        """Seal the last complete upload into an immutable version."""
        return sealing.seal(self._session, dataset)

    def describe(self, dataset: str) -> DatasetStatus:
        """Return the uploads and versions of one of this party's datasets."""
        request = dataset_pb2.DescribeDatasetRequest(dataset=self._session.dataset_name(dataset))
        answer = self._session.transport.call(self._session.datasets.DescribeDataset, request)
        return DatasetStatus(
            dataset=dataset,
            uploads=tuple(UploadStatus.from_proto(upload) for upload in answer.uploads),
            versions=tuple(Version.from_proto(version) for version in answer.versions),
        )

    def erase(self, version: str) -> Version:
        """Erase a version for good; what was released from it stays released."""
        request = dataset_pb2.EraseVersionRequest(version=version)
        answer = self._session.transport.call(self._session.datasets.EraseVersion, request)
        return Version.from_proto(answer.version)

    # Asking

    def plan(
        self,
        question: Question,
        *,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        assume: Assume | None = None,
        wish: Wish | None = None,
        power: float | None = None,
        significance: float | None = None,
    ) -> Plan:
        """Return what a question would cost and how precise it would be, for free.

        With `assume`, also the interval of each figure and the smallest detectable lift under
        your own guess; with `wish`, the cheapest plan that is as precise (at most the loss given).
        Raises RoomError with PRECISION_OUT_OF_REACH and what would suffice where none is.
        """
        aim = Aim(assume=assume, wish=wish, power=power, significance=significance)
        return asking.plan(self._session, question, Loss(epsilon=epsilon, rho=rho), aim)

    def ask(
        self,
        question: Question,
        *,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask a question; without a loss, the policy's limit per question is offered.

        Repeating a call that failed needs its `request_id`: then it is never paid for twice.
        """
        loss = Loss(epsilon=epsilon, rho=rho)
        return asking.ask(self._session, question, loss, request_id or self.new_request_id())

    def new_request_id(self) -> str:
        """Return a fresh request id."""
        return self._session.environment.new_request_id()

    def match_rate(
        self,
        datasets: Iterable[str],
        *,
        by: Iterable[str] = (),
        buckets: Mapping[str, Cut] | None = None,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask for matched people over the people of each of two datasets.

        Of `by`, counts and measures are cut by `buckets`: `{"impressions": (1, 2, 3, 5)}`.
        """
        question = MatchRate(datasets=tuple(datasets), by=tuple(by), buckets=buckets_of(buckets))
        return self.ask(question, epsilon=epsilon, rho=rho, request_id=request_id)

    def segment_size(
        self,
        datasets: Iterable[str],
        *,
        by: Iterable[str],
        buckets: Mapping[str, Cut] | None = None,
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask for people per cell of one dataset, or of the people matched between two.

        Of `by`, counts and measures are cut by `buckets`: `{"impressions": (1, 2, 3, 5)}`; cells
        then say people with at least so much, too.
        """
        question = SegmentSize(datasets=tuple(datasets), by=tuple(by), buckets=buckets_of(buckets))
        return self.ask(question, epsilon=epsilon, rho=rho, request_id=request_id)

    def sales_lift(  # noqa: PLR0913 - a question has many parts
        self,
        *,
        exposures: str,
        sales: str,
        outcome: str,
        by: Iterable[str] = (),
        window: Span | None = None,
        filters: Filters | None = None,
        population: str = "all",
        buckets: Mapping[str, Cut] | None = None,
        bound: int | None = None,
        design: str = "randomized",
        exposed_by: str = "",
        before: Span | None = None,
        adjustment: str = "none",
        strata: Iterable[str] = (),
        product: str = "total",
        epsilon: Amount | None = None,
        rho: Amount | None = None,
        request_id: str | None = None,
    ) -> Measurement:
        """Ask a `SalesLift`; `product` adds the filters of `of_product`.

        A person's sum is clipped to `bound`: noise falls with it, and so does what it keeps.
        """
        kept = dict(filters or {}) | self.of_product(sales, product)
        question = SalesLift(
            exposures=exposures,
            sales=sales,
            outcome=outcome,
            by=tuple(by),
            window=window,
            filters=kept,
            population=population,
            buckets=buckets_of(buckets),
            bound=bound,
            design=design,
            exposed_by=exposed_by,
            before=before,
            adjustment=adjustment,
            strata=tuple(strata),
        )
        return self.ask(question, epsilon=epsilon, rho=rho, request_id=request_id)

    def of_product(self, sales: str, product: str) -> dict[str, tuple[str, ...]]:
        """Return event filters of `focus:COLUMN=V1,V2`, `halo:…` (all others), or `total`."""
        declared = {} if product == "total" else self.collaboration().spec(sales).event_filters
        return product_filters(product, declared)

    def get(self, request_id: str) -> Measurement:
        """Return the stored answer of one of this party's requests."""
        return asking.get(self._session, request_id)

    def list(self) -> tuple[RequestSummary, ...]:
        """Return this party's requests, oldest first."""
        return asking.history(self._session)

    def budget(self) -> tuple[Balance, ...]:
        """Return the ledgers of this party's people."""
        request = ledger_pb2.ListBalancesRequest()
        answer = self._session.transport.call(self._session.ledgers.ListBalances, request)
        return tuple(Balance.from_proto(balance) for balance in answer.balances)


def _delivery(
    dataset: str,
    data: pd.DataFrame | pa.Table | Path | str,
    mapping: Mapping[str, str] | None,
    delimiter: str | None,
    consent: ConsentRules | Path | str | None,
    *,
    again: bool,
) -> Delivery:
    from cleanroom_client.consent.rules_file import load_rules  # noqa: PLC0415 - loads Arrow
    from cleanroom_client.upload import Delivery  # noqa: PLC0415 - loads Arrow

    return Delivery(
        dataset=dataset,
        table=Path(data) if isinstance(data, str) else data,
        mapping=dict(mapping or {}),
        delimiter=delimiter or ",",
        again=again,
        consent=load_rules(consent) if isinstance(consent, Path | str) else consent,
    )
