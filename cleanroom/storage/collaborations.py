"""Rows of proposals, acceptances, steps, envelopes; must not know when a policy is in force."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from cleanroom.audit.step import Step, StepKind
from cleanroom.ports.records import Acceptance, Envelope, PolicyStep, Proposal
from cleanroom.storage.errors import StoreMisused
from cleanroom.storage.tables import (
    acceptances,
    envelopes,
    policy_steps,
    proposals,
    standings,
)


class SqlCollaborations:
    """The `Collaborations` port over one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def names(self) -> tuple[str, ...]:
        """Return all collaborations ever proposed, sorted."""
        column = standings.c.collaboration
        return tuple(self._connection.execute(select(column).order_by(column)).scalars())

    def add_proposal(self, proposal: Proposal) -> None:
        """Keep the proposal and make it the latest; of the same digest the first one stays."""
        if self.proposal(proposal.collaboration, proposal.digest) is None:
            self._connection.execute(
                proposals.insert().values(
                    collaboration=proposal.collaboration,
                    digest=proposal.digest,
                    document=proposal.document,
                    proposed_by=proposal.proposed_by,
                    proposed_at_s=proposal.proposed_at_s,
                )
            )
        key = standings.c.collaboration == proposal.collaboration
        latest = standings.update().where(key).values(latest=proposal.digest)
        if self._connection.execute(latest).rowcount == 0:
            self._connection.execute(
                standings.insert().values(
                    collaboration=proposal.collaboration, latest=proposal.digest, in_force=None
                )
            )

    def latest(self, collaboration: str) -> Proposal | None:
        """Return the proposal made last."""
        return self._one(_standing(collaboration, "latest"))

    def in_force(self, collaboration: str) -> Proposal | None:
        """Return the proposal in force."""
        return self._one(_standing(collaboration, "in_force"))

    def proposal(self, collaboration: str, digest: str) -> Proposal | None:
        """Return one proposal, whatever its state."""
        return self._one(
            select(proposals).where(
                proposals.c.collaboration == collaboration, proposals.c.digest == digest
            )
        )

    def put_in_force(self, collaboration: str, digest: str) -> None:
        """Make a kept proposal the one in force; raises StoreMisused for an unknown one."""
        if self.proposal(collaboration, digest) is None:
            raise StoreMisused(f"{collaboration} has no proposal {digest}")
        key = standings.c.collaboration == collaboration
        self._connection.execute(standings.update().where(key).values(in_force=digest))

    def accept(self, acceptance: Acceptance) -> None:
        """Record an acceptance; again, only the announcement is replaced."""
        again = (
            acceptances.update()
            .where(
                acceptances.c.collaboration == acceptance.collaboration,
                acceptances.c.digest == acceptance.digest,
                acceptances.c.party == acceptance.party,
            )
            .values(announcement=acceptance.announcement)
        )
        if self._connection.execute(again).rowcount == 0:
            self._connection.execute(
                acceptances.insert().values(
                    collaboration=acceptance.collaboration,
                    digest=acceptance.digest,
                    party=acceptance.party,
                    accepted_at_s=acceptance.accepted_at_s,
                    announcement=acceptance.announcement,
                )
            )

    def withdraw_acceptances(self, collaboration: str, digest: str) -> None:
        """Forget every acceptance of one digest."""
        self._connection.execute(
            acceptances.delete().where(
                acceptances.c.collaboration == collaboration, acceptances.c.digest == digest
            )
        )

    def acceptances(self, collaboration: str, digest: str) -> tuple[Acceptance, ...]:
        """Return acceptances of one digest, by party name."""
        query = (
            select(acceptances)
            .where(acceptances.c.collaboration == collaboration, acceptances.c.digest == digest)
            .order_by(acceptances.c.party)
        )
        return tuple(_acceptance(row) for row in self._connection.execute(query))

    def add_step(self, step: PolicyStep) -> None:
        """Keep a step; raises StoreMisused unless its position follows the last one."""
        last = self.last_step(step.collaboration)
        if step.position != (last.position if last else 0) + 1:
            raise StoreMisused(f"step {step.position} of {step.collaboration} is out of turn")
        self._connection.execute(
            policy_steps.insert().values(
                collaboration=step.collaboration,
                position=step.position,
                digest=step.digest,
                kind=step.kind.value,
                policy_digest=step.policy_digest,
                party=step.party,
                statement=step.step.statement,
                signature=step.step.signature,
                certificates=step.step.certificates,
                taken_at_s=step.taken_at_s,
                put_in_force=int(step.put_in_force),
            )
        )

    def last_step(self, collaboration: str, kind: StepKind | None = None) -> PolicyStep | None:
        """Return the step taken last, of one kind if it is named."""
        query = select(policy_steps).where(policy_steps.c.collaboration == collaboration)
        if kind is not None:
            query = query.where(policy_steps.c.kind == kind.value)
        newest = query.order_by(policy_steps.c.position.desc()).limit(1)
        row = self._connection.execute(newest).one_or_none()
        return None if row is None else _step(row)

    def step(self, collaboration: str, position: int) -> PolicyStep | None:
        """Return one step."""
        return next(iter(self.steps(collaboration, position, 1)), None)

    def steps(self, collaboration: str, start: int, count: int) -> tuple[PolicyStep, ...]:
        """Return up to `count` steps from position `start` on, in order."""
        query = (
            select(policy_steps)
            .where(
                policy_steps.c.collaboration == collaboration,
                policy_steps.c.position >= start,
                policy_steps.c.position < start + count,
            )
            .order_by(policy_steps.c.position)
        )
        return tuple(_step(row) for row in self._connection.execute(query))

    def put_envelope(self, envelope: Envelope) -> None:
        """Keep a wrapped key; replaces an earlier one of the same sender and recipient."""
        again = (
            envelopes.update()
            .where(
                envelopes.c.collaboration == envelope.collaboration,
                envelopes.c.sender == envelope.sender,
                envelopes.c.recipient == envelope.recipient,
            )
            .values(ciphertext=envelope.ciphertext)
        )
        if self._connection.execute(again).rowcount == 0:
            self._connection.execute(
                envelopes.insert().values(
                    collaboration=envelope.collaboration,
                    sender=envelope.sender,
                    recipient=envelope.recipient,
                    ciphertext=envelope.ciphertext,
                )
            )

    def envelopes(self, collaboration: str, recipient: str) -> tuple[Envelope, ...]:
        """Return the wrapped keys for a recipient, by sender."""
        query = (
            select(envelopes)
            .where(envelopes.c.collaboration == collaboration, envelopes.c.recipient == recipient)
            .order_by(envelopes.c.sender)
        )
        return tuple(_envelope(row) for row in self._connection.execute(query))

    def _one(self, query: Select[Any]) -> Proposal | None:
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _proposal(row)


def _standing(collaboration: str, which: str) -> Select[Any]:
    same = and_(
        proposals.c.collaboration == standings.c.collaboration,
        proposals.c.digest == standings.c[which],
    )
    joined = select(proposals).select_from(proposals.join(standings, same))
    return joined.where(standings.c.collaboration == collaboration)


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        collaboration=row.collaboration,
        digest=row.digest,
        document=row.document,
        proposed_by=row.proposed_by,
        proposed_at_s=row.proposed_at_s,
    )


def _acceptance(row: Row[Any]) -> Acceptance:
    return Acceptance(
        collaboration=row.collaboration,
        digest=row.digest,
        party=row.party,
        accepted_at_s=row.accepted_at_s,
        announcement=row.announcement,
    )


def _envelope(row: Row[Any]) -> Envelope:
    return Envelope(
        collaboration=row.collaboration,
        sender=row.sender,
        recipient=row.recipient,
        ciphertext=row.ciphertext,
    )


def _step(row: Row[Any]) -> PolicyStep:
    return PolicyStep(
        collaboration=row.collaboration,
        position=row.position,
        digest=row.digest,
        kind=StepKind(row.kind),
        policy_digest=row.policy_digest,
        party=row.party,
        step=Step(statement=row.statement, signature=row.signature, certificates=row.certificates),
        taken_at_s=row.taken_at_s,
        put_in_force=bool(row.put_in_force),
    )
