"""Withdrawing people's consent: references to the service, what it did back; knows no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.agreed import check_agreed
from cleanroom_client.agreement import Collaboration
from cleanroom_client.references import People, references
from cleanroom_client.session import Session
from cleanroom_client.tables.sources import Tabular
from cleanroom_client.tokens import Tokens, digest_of
from cleanroom_client.upload import make_tokens

_PER_CALL = 10_000
_REQUEST_ID_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """People of a dataset, named in a table; see references.People."""

    dataset: str
    table: Tabular
    mapping: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A withdrawal: references given and, of these, known to a sealed version; times in unix s.

    Nobody named is used by a question asked from `effective_from_s` on.
    """

    dataset: str
    request_id: str
    given: int
    known: int
    withdrawn_at_s: int
    effective_from_s: int

    @property
    def unknown(self) -> int:
        """References that no sealed version knew; later uploads heed them, too."""
        return self.given - self.known

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, the unknown included."""
        return asdict(self) | {"unknown": self.unknown}


def withdraw(session: Session, named: Named, request_id: str) -> Withdrawn:
    """Withdraw the consent of everybody the table names; durable when this returns.

    All rows are read before anything is sent. A longer list takes several calls; the same
    request id again repeats none of them.
    Raises BadInput, ClientError, KeystoreError.
    """
    found = named_references(session, named)
    answers = []
    for start in range(0, len(found), _PER_CALL):
        request = pb.WithdrawConsentRequest(
            dataset=session.dataset_name(named.dataset),
            request_id=_part_of(request_id, start // _PER_CALL),
            references=found[start : start + _PER_CALL],
        )
        answers.append(session.transport.call(session.datasets.WithdrawConsent, request))
    return Withdrawn(
        dataset=named.dataset,
        request_id=request_id,
        given=sum(answer.given for answer in answers),
        known=sum(answer.known for answer in answers),
        withdrawn_at_s=max(answer.withdrawn_at_s for answer in answers),
        effective_from_s=max(answer.effective_from_s for answer in answers),
    )


def named_references(session: Session, named: Named) -> list[pb.PersonReference]:
    """Return the references to the people of a table, made on this machine.

    Without a policy in force only the party's own person references can be made.
    """
    collaboration = session.collaboration()
    secrets = session.secrets(collaboration.name)
    in_force = collaboration.in_force is not None
    people = People(
        table=named.table,
        keys=collaboration.spec(named.dataset).keys if in_force else (),
        mapping=named.mapping,
        delimiter=named.delimiter,
        region=(collaboration.terms.default_region or None) if in_force else None,
    )
    with _tokens(session, collaboration) if in_force else nullcontext() as tokens:
        return references(people, secrets.person, tokens)


def _tokens(session: Session, collaboration: Collaboration) -> Tokens:
    check_agreed(session, collaboration)
    return make_tokens(session, collaboration)


def _part_of(request_id: str, part: int) -> str:
    """Return the request id of one call of several; that of the first is the id itself."""
    if part == 0:
        return request_id
    return digest_of(request_id.encode(), part.to_bytes(4)).hex()[:_REQUEST_ID_DIGITS]
