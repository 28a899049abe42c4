"""What the memory store keeps of agreeing, and what all its parts share; must not know transactions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cleanroom.audit.step import StepKind
from cleanroom.ports.records import Acceptance, Envelope, PolicyStep, Proposal
from cleanroom.storage.errors import StoreMisused


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise StoreMisused(what)


def _add(rows: dict[Any, Any], key: Any, row: Any) -> None:
    _must(key not in rows, "a duplicate")
    rows[key] = row


class _Part:
    def __init__(self, state: Any) -> None:
        self.s = state


class MemoryCollaborations(_Part):
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.s.latest))

    def add_proposal(self, proposal: Proposal) -> None:
        self.s.proposals.setdefault((proposal.collaboration, proposal.digest), proposal)
        self.s.latest[proposal.collaboration] = proposal.digest

    def latest(self, collaboration: str) -> Proposal | None:
        return self.proposal(collaboration, self.s.latest.get(collaboration, ""))

    def in_force(self, collaboration: str) -> Proposal | None:
        return self.proposal(collaboration, self.s.in_force.get(collaboration, ""))

    def proposal(self, collaboration: str, digest: str) -> Proposal | None:
        return self.s.proposals.get((collaboration, digest))

    def put_in_force(self, collaboration: str, digest: str) -> None:
        _must((collaboration, digest) in self.s.proposals, "no such proposal")
        self.s.in_force[collaboration] = digest

    def accept(self, acceptance: Acceptance) -> None:
        key = (acceptance.collaboration, acceptance.digest, acceptance.party)
        known = self.s.acceptances.get(key, acceptance)
        self.s.acceptances[key] = replace(known, announcement=acceptance.announcement)

    def withdraw_acceptances(self, collaboration: str, digest: str) -> None:
        kept = {k: a for k, a in self.s.acceptances.items() if k[:2] != (collaboration, digest)}
        self.s.acceptances = kept

    def acceptances(self, collaboration: str, digest: str) -> tuple[Acceptance, ...]:
        rows = sorted(self.s.acceptances.items())
        return tuple(row for key, row in rows if key[:2] == (collaboration, digest))

    def add_step(self, step: PolicyStep) -> None:
        known = [key for key in self.s.steps if key[0] == step.collaboration]
        _must(step.position == len(known) + 1, "a step out of turn")
        _add(self.s.steps, (step.collaboration, step.position), step)

    def last_step(self, collaboration: str, kind: StepKind | None = None) -> PolicyStep | None:
        rows = [s for s in self.s.steps.values() if s.collaboration == collaboration]
        return next((s for s in reversed(rows) if kind in {None, s.kind}), None)

    def step(self, collaboration: str, position: int) -> PolicyStep | None:
        return self.s.steps.get((collaboration, position))

    def steps(self, collaboration: str, start: int, count: int) -> tuple[PolicyStep, ...]:
        rows = (self.step(collaboration, i) for i in range(start, start + count))
        return tuple(row for row in rows if row is not None)

    def put_envelope(self, envelope: Envelope) -> None:
        key = (envelope.collaboration, envelope.recipient, envelope.sender)
        self.s.envelopes[key] = envelope

    def envelopes(self, collaboration: str, recipient: str) -> tuple[Envelope, ...]:
        rows = sorted(self.s.envelopes.items())
        return tuple(row for key, row in rows if key[:2] == (collaboration, recipient))
