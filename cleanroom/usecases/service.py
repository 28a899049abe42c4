"""What every story needs, and the one way in which entries are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cleanroom.audit.commitment import SALT_BYTES, commit
from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry, EntryKind, encode_entry
from cleanroom.audit.note import Signer
from cleanroom.audit.payload import Erasable
from cleanroom.audit.receipt import COMMITMENT_FIELD
from cleanroom.audit.step import StepKind
from cleanroom.model.errors import NotPermitted, PolicyNotInForce
from cleanroom.model.names import Actor, ActorKind, DatasetName
from cleanroom.policy.agreement import Missing, needs
from cleanroom.policy.document import Policy
from cleanroom.policy.fits import still_fits
from cleanroom.policy.parse import parse_policy
from cleanroom.ports.checkpoints import Remembered
from cleanroom.ports.environment import Clock, Curve, Engine, Entropy, Sealer
from cleanroom.ports.records import Proposal, Version
from cleanroom.ports.store import Store, Transaction
from cleanroom.ports.vault import Vault
from cleanroom.usecases.witnessing import Witnessing

ID_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The ports that the stories act on."""

    store: Store
    vault: Vault
    engine: Engine
    sealer: Sealer
    clock: Clock
    entropy: Entropy
    curve: Curve
    signer: Signer
    remembered: Remembered
    previous_signer: Signer | None = None  # while one key follows another, both sign
    witnessing: Witnessing = field(default_factory=Witnessing)

    @property
    def signers(self) -> tuple[Signer, ...]:
        """The log's keys, the current one first."""
        return tuple(s for s in (self.signer, self.previous_signer) if s is not None)

    def new_id(self, prefix: str) -> str:
        """Return an unpredictable id such as `u-5f3c…`."""
        return f"{prefix}-{self.entropy.token_bytes(ID_BYTES).hex()}"

    def entry(
        self, kind: EntryKind, actor: str, collaboration: str | None, **fields: Json
    ) -> bytes:
        """Return a log entry's bytes.

        Requires: no field holds a token, an exact count, noise, or a row's value.
        """
        entry = Entry(
            kind=kind,
            time_s=self.clock.now_s(),
            actor=actor,
            collaboration=collaboration,
            fields=fields,
            salt=self.entropy.token_bytes(SALT_BYTES),
        )
        return encode_entry(entry)

    def committed(
        self,
        kind: EntryKind,
        actor: str,
        collaboration: str,
        measurement: bytes,
        **fields: Json,
    ) -> bytes:
        """Return an entry that commits to a measurement's bytes under its own salt."""
        salt = self.entropy.token_bytes(SALT_BYTES)
        commitment = commit(salt, measurement).hex()
        entry = Entry(
            kind=kind,
            time_s=self.clock.now_s(),
            actor=actor,
            collaboration=collaboration,
            fields={COMMITMENT_FIELD: commitment, **fields},
            salt=salt,
        )
        return encode_entry(entry)

    def note(
        self,
        tx: Transaction,
        kind: EntryKind,
        actor: Actor,
        collaboration: str | None,
        **fields: Json,
    ) -> int:
        """Append an entry within a transaction; return its index."""
        return tx.log.append(self.entry(kind, actor.short, collaboration, **fields))

    def note_erasable(
        self,
        tx: Transaction,
        kind: EntryKind,
        actor: str,
        collaboration: str | None,
        erasable: Mapping[str, str],
        **fields: Json,
    ) -> int:
        """Append an entry that only commits to some texts, by name; return its index.

        They are kept beside the log, and an officer may erase them.
        """
        kept = [
            Erasable(name=name, salt=self.entropy.token_bytes(SALT_BYTES), content=text)
            for name, text in erasable.items()
        ]
        commitments = {one.field_name: one.commitment for one in kept}
        return tx.log.append(self.entry(kind, actor, collaboration, **commitments, **fields), kept)


def party_of(actor: Actor, what: str, action: str) -> str:
    """Return the party's name; raise NotPermitted for any other kind of caller."""
    if actor.kind is not ActorKind.PARTY:
        raise NotPermitted(what=what, action=action)
    return actor.name


def read_policy(proposal: Proposal) -> Policy:
    """Return the policy of a kept proposal, which was valid when it was kept."""
    return _parsed(proposal.document, f"{proposal.collaboration}.yaml")


@lru_cache(maxsize=64)
def _parsed(document: bytes, file: str) -> Policy:
    return parse_policy(document, file=file)


def missing_for(tx: Transaction, proposal: Proposal, proposer: str | None = None) -> Missing:
    """Return whose word the latest proposal still needs; nobody's once it is in force.

    `proposer` is the party for which it is just being proposed; None where that is in the history.
    """
    in_force = tx.collaborations.in_force(proposal.collaboration)
    if in_force is not None and in_force.digest == proposal.digest:
        return Missing(parties=(), one_of=())
    wanted = _needs(read_policy(in_force) if in_force else None, read_policy(proposal))
    given = tx.collaborations.acceptances(proposal.collaboration, proposal.digest)
    return wanted.missing(
        proposer=_proposed_for(tx, proposal) if proposer is None else proposer,
        accepted=frozenset(a.party for a in given),
    )


def missing_at_first(before: Policy | None, after: Policy, proposer: str) -> Missing:
    """Return whose word a policy would need right behind its proposal, signed for `proposer`."""
    if before is not None and before.digest == after.digest:
        return Missing(parties=(), one_of=())
    return _needs(before, after).missing(proposer=proposer, accepted=frozenset())


_needs = lru_cache(maxsize=64)(needs)


def _proposed_for(tx: Transaction, proposal: Proposal) -> str:
    """Return the party for which the proposal was signed, "" where nobody's signature says so."""
    step = tx.collaborations.last_step(proposal.collaboration, StepKind.PROPOSE)
    is_signed = step is not None and step.step.is_signed
    return step.party if step and is_signed and step.policy_digest == proposal.digest else ""


def fits(tx: Transaction, digest: str, policy: Policy, dataset: str) -> bool:
    """Tell whether what was brought under the policy of `digest` may be used under `policy`."""
    if digest == policy.digest:
        return True
    known = tx.collaborations.proposal(policy.collaboration, digest)
    return known is not None and still_fits(read_policy(known), policy, dataset)


def current_version(tx: Transaction, dataset: DatasetName) -> Version | None:
    """Return the version sealed last, None when it is erased.

    An older one does not come back in its place: people in it may have withdrawn since.
    """
    versions = tx.versions.of_dataset(dataset)
    return versions[-1] if versions and versions[-1].erased_at_s is None else None


def policy_in_force(tx: Transaction, collaboration: str, party: str, action: str) -> Policy:
    """Return the policy in force of a collaboration that the party belongs to.

    Raises NotPermitted to outsiders, whether or not the collaboration exists, and
    PolicyNotInForce to members of one that waits for acceptance.
    """
    proposal = tx.collaborations.in_force(collaboration)
    latest = proposal or tx.collaborations.latest(collaboration)
    if latest is None or read_policy(latest).party(party) is None:
        raise NotPermitted(what=f"collaborations/{collaboration}", action=action)
    if proposal is None:
        raise PolicyNotInForce(
            collaboration=collaboration, waiting_for=missing_for(tx, latest).names
        )
    return read_policy(proposal)
