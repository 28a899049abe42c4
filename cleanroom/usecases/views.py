"""What members see of a collaboration's policies; must not know how a step is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cleanroom.model.errors import FieldInvalid, NotPermitted
from cleanroom.model.names import Actor, ActorKind
from cleanroom.policy.agreement import Missing
from cleanroom.policy.compare import Change
from cleanroom.policy.fits import only_tightens
from cleanroom.ports.records import Acceptance, PolicyStep, Proposal
from cleanroom.ports.store import Transaction
from cleanroom.usecases.changes import changes_to, must_come_again
from cleanroom.usecases.service import Service, missing_for, read_policy
from cleanroom.usecases.steps import Place, next_place

MAX_STEPS: Final = 200  # of a page: each carries certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class CollaborationView:
    """What a member may see of a collaboration.

    `changes` are what the latest proposal changes of the policy in force, `must_come_again` the
    datasets that would have to be uploaded again under it; `place` is where the next step stands.
    """

    collaboration: str
    in_force: Proposal | None
    in_force_acceptances: tuple[Acceptance, ...]
    latest: Proposal
    latest_acceptances: tuple[Acceptance, ...]
    missing: Missing
    changes: tuple[Change, ...]
    must_come_again: tuple[str, ...]
    place: Place

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """All parties whose acceptance would help."""
        return self.missing.names


def view(service: Service, actor: Actor, collaboration: str) -> CollaborationView:
    """Return the policies of a collaboration that the caller belongs to.

    An empty name means the caller's only one. Raises NotPermitted, FieldInvalid.
    """

    def work(tx: Transaction) -> CollaborationView:
        name = collaboration or _only(tx, actor)
        latest = _viewable(tx, actor, name)
        in_force = tx.collaborations.in_force(name)
        before, after = read_policy(in_force) if in_force else None, read_policy(latest)
        return CollaborationView(
            collaboration=name,
            in_force=in_force,
            in_force_acceptances=standing(tx, in_force) if in_force else (),
            latest=latest,
            latest_acceptances=tx.collaborations.acceptances(name, latest.digest),
            missing=missing_for(tx, latest),
            changes=changes_to(before, after),
            must_come_again=must_come_again(before, after),
            place=next_place(tx, name),
        )

    return service.store.read(work)


def standing(tx: Transaction, in_force: Proposal) -> tuple[Acceptance, ...]:
    """Return each party's last acceptance that the policy in force rests on, by party name.

    That is of the policy itself or of one in force before, which it only tightens.
    """
    name, policy = in_force.collaboration, read_policy(in_force)
    behind = next_place(tx, name).position
    found: dict[str, Acceptance] = {}
    steps = tx.collaborations.steps(name, 1, behind)
    for digest in dict.fromkeys(s.policy_digest for s in reversed(steps) if s.put_in_force):
        known = tx.collaborations.proposal(name, digest)
        if known is None or not only_tightens(read_policy(known), policy):
            break
        found = {a.party: a for a in tx.collaborations.acceptances(name, digest)} | found
    return tuple(found[party] for party in sorted(found))


def history(
    service: Service, actor: Actor, collaboration: str, *, start: int, count: int
) -> tuple[tuple[PolicyStep, ...], int]:
    """Return up to `count` steps from position `start` on, and the number of all.

    Raises NotPermitted, FieldInvalid.
    """
    if start < 1 or not 1 <= count <= MAX_STEPS:
        raise FieldInvalid(field="count", expected=f"1 to {MAX_STEPS}, from a start of 1 or more")

    def work(tx: Transaction) -> tuple[tuple[PolicyStep, ...], int]:
        _viewable(tx, actor, collaboration)
        behind = next_place(tx, collaboration).position
        return tx.collaborations.steps(collaboration, start, count), behind - 1

    return service.store.read(work)


def document(service: Service, actor: Actor, collaboration: str, digest: str) -> Proposal:
    """Return any policy that was ever proposed for a collaboration; raises NotPermitted."""

    def work(tx: Transaction) -> Proposal:
        _viewable(tx, actor, collaboration)
        found = tx.collaborations.proposal(collaboration, digest)
        if found is None:
            raise NotPermitted(what=f"collaborations/{collaboration}/policies", action="read")
        return found

    return service.store.read(work)


def _viewable(tx: Transaction, actor: Actor, name: str) -> Proposal:
    latest = tx.collaborations.latest(name)
    if latest is None or not _may_view(tx, actor, latest):
        raise NotPermitted(what=f"collaborations/{name}", action="read")
    return latest


def _only(tx: Transaction, actor: Actor) -> str:
    latest = (tx.collaborations.latest(n) for n in tx.collaborations.names())
    mine = [p.collaboration for p in latest if p and _may_view(tx, actor, p)]
    if len(mine) != 1:
        raise FieldInvalid(field="collaboration", expected=f"a name: yours are {', '.join(mine)}")
    return mine[0]


def _may_view(tx: Transaction, actor: Actor, latest: Proposal) -> bool:
    """Parties and their officers see what names them now or before acceptance; others see all."""
    party = actor.acts_for
    if not party and actor.kind is not ActorKind.PARTY:
        return True
    in_force = tx.collaborations.in_force(latest.collaboration)
    return any(read_policy(p).party(party) for p in (latest, in_force) if p is not None)
