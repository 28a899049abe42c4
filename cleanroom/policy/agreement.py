"""Whose word a policy needs before it is in force; must not know signatures or storage.

Requires: `compare` calls tighter only what refuses whatever was refused before.
Ensures: a policy that comes into force allows nothing about a party's people that the policies to
which that party gave its word refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cleanroom.policy.compare import Direction, compare
from cleanroom.policy.document import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Whose word is needed, in policy order.

    Each of `accepting` must accept; each of `signing` must have signed something of this round, a
    proposal or an acceptance; and so must one of `any_of`.
    """

    accepting: tuple[str, ...]
    signing: tuple[str, ...]
    any_of: tuple[str, ...]

    def missing(self, *, proposer: str, accepted: frozenset[str]) -> Missing:
        """Return what is still needed, given for whom the proposal was signed and who accepted."""
        signed = accepted | {proposer}
        each = [p for p in self.accepting if p not in accepted]
        each += [p for p in self.signing if p not in signed]
        coming = signed | set(each)
        return Missing(
            parties=tuple(dict.fromkeys(each)),
            one_of=() if coming & set(self.any_of) else self.any_of,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Who has yet to accept: each of `parties`, and one of `one_of` where any are named."""

    parties: tuple[str, ...]
    one_of: tuple[str, ...]

    @property
    def nobody(self) -> bool:
        """Whether the policy may come into force."""
        return not self.parties and not self.one_of

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.parties, *self.one_of)))


def needs(old: Policy | None, new: Policy) -> Needs:
    """Return whose word `new` needs where `old` is in force, or nothing is.

    1. A first policy needs every party that it names.
    2. What is looser needs each party whose data it concerns; one that compare names nobody for
       needs all.
    3. Who is named first, and who owns a dataset that is new or another's before, must accept it.
    4. A dataset whose own block differs, be it tighter, needs its owner's signature, which may be
       that of the proposal.
    5. What else is tighter, and what changes no protection, needs that of any one owner.
    """
    members = _members(old, new)
    if old is None:  # 1
        return Needs(accepting=members, signing=(), any_of=())
    accepting = {p.name for p in new.parties if old.party(p.name) is None} | _new_owners(old, new)
    for change in compare(old, new):
        match change.direction:
            case Direction.LOOSER:  # 2
                accepting |= (change.concerned & set(members)) or set(members)
            case Direction.TIGHTER | Direction.NEUTRAL:
                pass
    changed = (d for d in old.datasets if d != new.dataset(d.schema.name))
    return Needs(
        accepting=_in_order(members, accepting),
        signing=_in_order(members, (d.schema.owner for d in changed)),  # 4
        any_of=old.owners(),  # 5
    )


def _new_owners(old: Policy, new: Policy) -> set[str]:
    """Return who owns a dataset in `new` that it did not own in `old`."""
    before = {(d.schema.name, d.schema.owner) for d in old.datasets}
    after = {(d.schema.name, d.schema.owner) for d in new.datasets}
    return {owner for _, owner in after - before}


def _members(old: Policy | None, new: Policy) -> tuple[str, ...]:
    named = [p.name for p in new.parties] + [p.name for p in (old.parties if old else ())]
    return tuple(dict.fromkeys(named))


def _in_order(members: tuple[str, ...], names: Iterable[str]) -> tuple[str, ...]:
    wanted = set(names)
    return tuple(m for m in members if m in wanted)
