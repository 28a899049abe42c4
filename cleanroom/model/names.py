"""Resource names and identities as types; must not know what they are names of in storage.

A name is parsed once, at the edge, and never cut with string slices afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cleanroom.model.errors import FieldInvalid

MAX_DIMENSIONS = 4

# Lower case, digits and single hyphens, as in DNS labels: safe in URIs, file names and SQL.
_LABEL = re.compile(r"(?=.{1,63}$)[a-z](?:-?[a-z0-9])*")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DIMENSION = re.compile(r"(?:(?=[^.]{1,63}\.)[a-z](?:-?[a-z0-9])*\.)?[a-z][a-z0-9_]{0,62}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_TRUST_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?")


def check_label(text: str, field: str) -> str:
    """Return `text` if it is a label such as `acme-brand`; raise FieldInvalid otherwise."""
    if not _LABEL.fullmatch(text):
        raise FieldInvalid(
            field=field,
            expected="lower-case letters, digits and hyphens, at most 63, as in 'acme-brand'",
        )
    return text


def check_column(text: str, field: str) -> str:
    """Return `text` if it is a column name such as `basket_size`; raise FieldInvalid otherwise."""
    if not _COLUMN.fullmatch(text):
        raise FieldInvalid(
            field=field,
            expected="lower-case letters, digits and underscores, at most 63, as in 'amount'",
        )
    return text


def check_dimension(text: str, field: str) -> str:
    """Return `text` if it is `city` or, naming the dataset too, `exposures.city`."""
    if not _DIMENSION.fullmatch(text):
        raise FieldInvalid(field=field, expected="a dimension such as 'city' or 'exposures.city'")
    return text


def check_by(by: tuple[str, ...], field: str = "by") -> None:
    """Raise FieldInvalid unless `by` are dimensions, few enough and each once."""
    if len(by) > MAX_DIMENSIONS or len(set(by)) != len(by):
        raise FieldInvalid(field=field, expected=f"at most {MAX_DIMENSIONS} different dimensions")
    for dimension in by:
        check_dimension(dimension, field)


def check_request_id(text: str) -> str:
    """Return `text` if it can be a request id; raise FieldInvalid otherwise."""
    if not _REQUEST_ID.fullmatch(text):
        raise FieldInvalid(
            field="request_id", expected="8 to 64 letters, digits, dots, hyphens or underscores"
        )
    return text


class ActorKind(StrEnum):
    """What a certificate says its holder is; roles in a collaboration come from membership."""

    PARTY = "party"
    OFFICER = "officer"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who calls: the one URI SAN of a client certificate, `spiffe://<domain>/<kind>/<name>`.

    An officer of a party is `spiffe://<domain>/officer/<party>/<name>`: it may agree to policies in
    that party's name and do nothing else as it. One without a party serves all and acts for none.
    """

    trust_domain: str
    kind: ActorKind
    name: str
    party: str = ""

    def __post_init__(self) -> None:
        """Check the variable parts."""
        if not _TRUST_DOMAIN.fullmatch(self.trust_domain):
            raise FieldInvalid(field="trust_domain", expected="a host name such as 'room.example'")
        check_label(self.name, "identity")
        if self.party:
            check_label(self.party, "identity")
        if self.party and self.kind is not ActorKind.OFFICER:
            raise FieldInvalid(field="identity", expected="a party only behind an officer")

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read `spiffe://<domain>/<kind>/<name>`; raise FieldInvalid for anything else."""
        match uri.split("/"):
            case ["spiffe:", "", domain, "officer", party, name] if party:
                return cls(trust_domain=domain, kind=ActorKind.OFFICER, party=party, name=name)
            case ["spiffe:", "", domain, kind, name] if kind in set(ActorKind):
                return cls(trust_domain=domain, kind=ActorKind(kind), name=name)
            case _:
                raise FieldInvalid(
                    field="identity",
                    expected="spiffe://<domain>/<party|officer|auditor>/<name>, or "
                    "spiffe://<domain>/officer/<party>/<name>",
                )

    def __str__(self) -> str:
        """Return the URI."""
        return f"spiffe://{self.trust_domain}/{self.short}"

    @property
    def short(self) -> str:
        """The form used in log entries, `party/acme-brand` or `officer/acme-brand/jane`."""
        return "/".join(part for part in (self.kind, self.party, self.name) if part)

    @property
    def acts_for(self) -> str:
        """The party in whose name it may agree to a policy; "" for none."""
        return self.name if self.kind is ActorKind.PARTY else self.party


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DatasetName:
    """`collaborations/<collaboration>/datasets/<dataset>`."""

    collaboration: str
    dataset: str

    def __post_init__(self) -> None:
        """Check both parts."""
        check_label(self.collaboration, "collaboration")
        check_label(self.dataset, "dataset")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of str(); raises FieldInvalid."""
        match text.split("/"):
            case ["collaborations", collaboration, "datasets", dataset]:
                return cls(collaboration=collaboration, dataset=dataset)
            case _:
                raise FieldInvalid(
                    field="dataset",
                    expected="collaborations/<collaboration>/datasets/<dataset>",
                )

    def __str__(self) -> str:
        """Return the resource name."""
        return f"collaborations/{self.collaboration}/datasets/{self.dataset}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LedgerName:
    """`ledgers/<owner>/<pool>`: the people whose privacy is accounted for, not a file."""

    owner: str
    pool: str

    def __post_init__(self) -> None:
        """Check both parts."""
        check_label(self.owner, "owner")
        check_label(self.pool, "pool")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of str(); raises FieldInvalid."""
        match text.split("/"):
            case ["ledgers", owner, pool]:
                return cls(owner=owner, pool=pool)
            case _:
                raise FieldInvalid(field="ledger", expected="ledgers/<owner>/<pool>")

    def __str__(self) -> str:
        """Return the resource name."""
        return f"ledgers/{self.owner}/{self.pool}"
