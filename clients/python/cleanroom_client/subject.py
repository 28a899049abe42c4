"""What the service holds of one person of this party's dataset, as values; knows no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import pyarrow as pa

from cleanroom.v1 import dataset_pb2 as pb
from cleanroom_client.session import Session
from cleanroom_client.tables.errors import BadInput
from cleanroom_client.withdrawing import Named, named_references


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPerson:
    """What one sealed version holds of a person; times in unix s, 0 where there is none.

    `values` are dimensions and the arm, `sums` counts and measures over `rows`, amounts in minor
    units; `filters` the values that stand in the rows. Purposes and times are those on which all
    rows agree. `in_use` says whether questions are asked of the version.
    """

    version: str
    sealed_at_s: int
    in_use: bool
    rows: int
    values: Mapping[str, str] = field(repr=False)
    sums: Mapping[str, int] = field(repr=False)
    filters: Mapping[str, tuple[str, ...]] = field(repr=False)
    first_at_s: int
    last_at_s: int
    keys: tuple[str, ...]
    purposes: tuple[str, ...]
    bases: tuple[str, ...]
    consent_at_s: int
    consent_until_s: int
    withdrawn_at_s: int

    @classmethod
    def from_proto(cls, held: pb.HeldPerson) -> Self:
        """Return the person of an answer."""
        return cls(
            version=held.version,
            sealed_at_s=held.sealed_at_s,
            in_use=held.in_use,
            rows=held.rows,
            values=dict(sorted(held.values.items())),
            sums=dict(sorted(held.sums.items())),
            filters={name: tuple(f.values) for name, f in sorted(held.filters.items())},
            first_at_s=held.first_at_s,
            last_at_s=held.last_at_s,
            keys=tuple(held.keys),
            purposes=tuple(held.purposes),
            bases=tuple(held.bases),
            consent_at_s=held.consent_at_s,
            consent_until_s=held.consent_until_s,
            withdrawn_at_s=held.withdrawn_at_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that sealed versions hold of a person, oldest first; empty where they hold nothing.

    `withdrawn_at_s` is since when later uploads leave the person out, 0 where they do not.
    """

    dataset: str
    held: tuple[HeldPerson, ...]
    withdrawn_at_s: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def subject(session: Session, dataset: str, names: Mapping[str, str]) -> Subject:
    """Ask for a person by {column: value}, the columns being `person` and those of match keys.

    The values stay on this machine. Raises BadInput, ClientError, KeystoreError.
    """
    given = {column: value for column, value in names.items() if value.strip()}
    if not given:
        raise BadInput("expected a value that names the person", file="the person")
    table = pa.table({column: [value] for column, value in given.items()})
    request = pb.DescribePersonRequest(
        dataset=session.dataset_name(dataset),
        references=named_references(
            session,
            Named(dataset=dataset, table=table, mapping={column: column for column in given}),
        ),
    )
    answer = session.transport.call(session.datasets.DescribePerson, request)
    return Subject(
        dataset=dataset,
        held=tuple(HeldPerson.from_proto(one) for one in answer.held),
        withdrawn_at_s=answer.withdrawn_at_s,
    )
