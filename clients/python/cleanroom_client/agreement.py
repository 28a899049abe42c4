"""A collaboration's policies and who accepted them, checked by digest; knows no connection."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from cleanroom.audit.step import NO_STEP
from cleanroom.v1 import collaboration_pb2 as pb
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.identifiers.kinds import PROFILE, KeyType
from cleanroom_client.tables.spec import ArmSpec, Basis, DatasetSpec, Unit, purpose_bits

SCHEMES = ("psi", "hmac", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy document whose digest was computed here; `accepted` is {party: announcement}.

    No question is answered under it from `valid_until_s` on (unix seconds).
    """

    digest: str
    document: bytes
    proposed_by: str
    proposed_at_s: int = 0
    valid_from_s: int = 0
    valid_until_s: int = 0
    accepted: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_proto(cls, policy: pb.Policy, acceptances: list[pb.Acceptance]) -> Self:
        """Return the policy of an answer; raises PolicyUnknown if it is not what was digested."""
        if hashlib.sha256(policy.document).hexdigest() != policy.digest:
            raise PolicyUnknown(
                "the service sent a policy that does not have the digest it states: do not accept "
                "it, and ask the operator"
            )
        return cls(
            digest=policy.digest,
            document=policy.document,
            proposed_by=policy.proposed_by,
            proposed_at_s=policy.proposed_at_s,
            valid_from_s=policy.valid_from_s,
            valid_until_s=policy.valid_until_s,
            accepted=MappingProxyType({a.party: a.announcement for a in acceptances}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One thing that a proposal changes; `direction` is "tighter", "looser" or "neutral".

    `concerned` are the parties whose people's data it is about; `words` one sentence without end.
    """

    path: str
    direction: str
    before: str
    after: str
    concerned: tuple[str, ...]
    words: str

    @classmethod
    def from_proto(cls, change: pb.PolicyChange) -> Self:
        """Return the change of an answer."""
        return cls(
            path=change.path,
            direction=change.direction,
            before=change.before,
            after=change.after,
            concerned=tuple(change.concerned),
            words=change.words,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the next step stands in a collaboration's history."""

    position: int
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaboration:
    """What a member sees of a collaboration; `terms` are the service's reading of the policy.

    Does not check that the terms are what the document says: the base install reads no YAML.
    """

    name: str
    in_force: Policy | None
    latest: Policy
    waiting_for: tuple[str, ...]
    terms: pb.Terms
    waiting_for_one_of: tuple[str, ...] = ()
    changes: tuple[PolicyChange, ...] = ()
    must_come_again: tuple[str, ...] = ()
    place: Place = Place(position=1, previous=NO_STEP)

    @classmethod
    def from_proto(cls, answer: pb.GetCollaborationResponse) -> Self:
        """Return the collaboration of an answer; raises PolicyUnknown."""
        if not answer.HasField("latest"):
            raise PolicyUnknown(f"no policy has been proposed for {answer.collaboration} yet")
        in_force = None
        if answer.HasField("in_force"):
            in_force = Policy.from_proto(answer.in_force, list(answer.in_force_acceptances))
        return cls(
            name=answer.collaboration,
            in_force=in_force,
            latest=Policy.from_proto(answer.latest, list(answer.latest_acceptances)),
            waiting_for=tuple(answer.waiting_for),
            terms=answer.terms,
            waiting_for_one_of=tuple(answer.waiting_for_one_of),
            changes=tuple(PolicyChange.from_proto(change) for change in answer.changes),
            must_come_again=tuple(answer.must_come_again),
            place=Place(position=answer.next_position, previous=answer.previous),
        )

    def ruling(self) -> Policy:
        """Return the policy in force, whose terms these are; raises PolicyUnknown."""
        if self.in_force is None:
            waiting = ", ".join((*self.waiting_for, *self.waiting_for_one_of))
            raise PolicyUnknown(
                f"no policy of {self.name} is in force: not yet accepted by {waiting}"
            )
        if self.terms.policy_digest != self.in_force.digest:
            raise PolicyUnknown(f"the service sent terms of another policy of {self.name}")
        if self.terms.scheme not in SCHEMES or self.terms.normalisation != PROFILE:
            raise PolicyUnknown(
                f"the policy asks for {self.terms.scheme} tokens and {self.terms.normalisation}, "
                f"which this version does not know: install a newer version"
            )
        return self.in_force

    def spec(self, dataset: str) -> DatasetSpec:
        """Return the columns of a dataset under the policy in force; raises PolicyUnknown."""
        self.ruling()
        for terms in self.terms.datasets:
            if terms.name == dataset:
                return _spec(terms, self.terms)
        known = ", ".join(terms.name for terms in self.terms.datasets)
        raise PolicyUnknown(f"{self.name} has no dataset {dataset}: its datasets are {known}")

    def owner(self, dataset: str) -> str:
        """Return the party that owns a known dataset."""
        return next(t.owner for t in self.terms.datasets if t.name == dataset)


def _spec(terms: pb.DatasetTerms, whole: pb.Terms) -> DatasetSpec:
    try:
        return DatasetSpec(
            keys=tuple(KeyType(key) for key in whole.keys),
            dimensions={d.name: tuple(d.values) for d in terms.dimensions},
            arm=_arm(terms.arm) if terms.HasField("arm") else None,
            counts=tuple(count.name for count in terms.counts),
            measures={m.name: Unit(m.unit) for m in terms.measures},
            event_filters={f.name: tuple(f.values) for f in terms.filters},
            timed=terms.timed,
            bases=_bases(whole),
            base=purpose_bits(whole.base_purpose),
        )
    except ValueError as error:
        raise PolicyUnknown(
            f"the terms of dataset {terms.name} cannot be used: {error}: install a newer version"
        ) from None


def _arm(arm: pb.ArmColumn) -> ArmSpec:
    return ArmSpec(column=arm.column, test=arm.test, control=arm.control)


def _bases(terms: pb.Terms) -> frozenset[Basis]:
    """Return the accepted bases; a service from before there were any accepts consent."""
    return frozenset(Basis(basis) for basis in terms.consent_bases) or frozenset({Basis.CONSENT})
