"""How proposals, acceptances and standings read, for people and for programs; knows no command."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from cleanroom.audit.step import StepKind
from cleanroom_client.accepting import Accepted, Proposed
from cleanroom_client.agreement import Collaboration, Policy, PolicyChange
from cleanroom_client.errors import one_line
from cleanroom_client.stepping import TakenStep

WARN_DAYS: Final = 14
_DAY_S: Final = 86_400
_SHORT: Final = 12
_VERBS: Final = {StepKind.PROPOSE: "proposed", StepKind.ACCEPT: "accepted"}


def change_lines(changes: Sequence[PolicyChange]) -> list[str]:
    """Return a line for each change, what is looser first."""
    order = {"looser": 0, "tighter": 1, "neutral": 2}
    found = sorted(changes, key=lambda c: order.get(c.direction, 0))
    return [f"  {c.direction:<8} {one_line(c.words)}" for c in found]


def changes_for(party: str, changes: Sequence[PolicyChange]) -> list[PolicyChange]:
    """Return the changes that concern a party's own people's data."""
    return [c for c in changes if party in c.concerned]


def waiting_text(parties: Sequence[str], one_of: Sequence[str]) -> str:
    """Return who has yet to accept, "nobody" for none."""
    each = ", ".join(parties)
    any_of = f"one of {', '.join(one_of)}" if one_of else ""
    return " and ".join(part for part in (each, any_of) if part) or "nobody"


def proposed_lines(proposed: Proposed, *, is_preview: bool) -> list[str]:
    """Return what a proposal changes and whom it waits for."""
    done = "would be proposed" if is_preview else "proposed"
    lines = [f"{done} for {proposed.collaboration}: {proposed.digest}"]
    if proposed.changes:
        lines += ["what it changes of the policy in force:", *change_lines(proposed.changes)]
    if proposed.must_come_again:
        lines.append(f"to be uploaded again under it: {', '.join(proposed.must_come_again)}")
    if proposed.in_force:
        return [*lines, "it is in force"]
    waiting = waiting_text(proposed.waiting_for, proposed.waiting_for_one_of)
    if waiting == "nobody":
        return [*lines, "it would be in force at once"]
    return [*lines, f"in force once accepted by {waiting}"]


def accepted_text(accepted: Accepted) -> str:
    """Return what an acceptance came to."""
    name, digest = accepted.collaboration, accepted.policy.digest
    if accepted.in_force:
        return f"accepted {digest} of {name}: it is in force"
    waiting = waiting_text(accepted.waiting_for, accepted.waiting_for_one_of)
    return f"accepted {digest} of {name}: not yet accepted by {waiting}"


def to_accept_lines(party: str, collaboration: Collaboration) -> list[str]:
    """Return what a party should know of the latest proposal before it accepts."""
    name, latest = collaboration.name, collaboration.latest
    lines = [f"policy {latest.digest} of {name}, {_until(latest)}"]
    if collaboration.in_force is None:
        return [*lines, "nothing is in force yet: read all of it with --show"]
    if not collaboration.changes:
        return [*lines, "it changes nothing of the policy in force"]
    own = changes_for(party, collaboration.changes)
    others = [c for c in collaboration.changes if c not in own]
    if own:
        lines += [f"what it changes for people of {party}:", *change_lines(own)]
    if others:
        lines += ["what else it changes:", *change_lines(others)]
    if collaboration.must_come_again:
        lines.append(f"to be uploaded again under it: {', '.join(collaboration.must_come_again)}")
    return lines


def findings(collaboration: Collaboration, now: datetime) -> list[str]:
    """Return what somebody has to do about a collaboration, a sentence each."""
    in_force, latest = collaboration.in_force, collaboration.latest
    waiting = waiting_text(collaboration.waiting_for, collaboration.waiting_for_one_of)
    found = [] if in_force else ["no policy is in force: no question is answered"]
    if waiting != "nobody":
        found.append(f"the proposal waits for {waiting}")
    if in_force is not None:
        found += _end(in_force, "the policy in force", now)
    if in_force is None or in_force.digest != latest.digest:
        found += _end(latest, "the proposal", now)
    return found


def _end(policy: Policy, what: str, now: datetime) -> list[str]:
    left_s = policy.valid_until_s - int(now.timestamp())
    if not policy.valid_until_s or left_s > WARN_DAYS * _DAY_S:
        return []
    if left_s <= 0:
        return [f"{what} has ended, {_until(policy)}: propose one that goes on"]
    return [f"{what} ends in {-(-left_s // _DAY_S)} days, {_until(policy)}"]


def _until(policy: Policy) -> str:
    if not policy.valid_until_s:
        return "without an end"
    return f"until {_day(policy.valid_until_s - 1)}"


def _day(time_s: int) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d}"


def status_lines(collaboration: Collaboration) -> list[str]:
    """Return where a collaboration stands."""
    in_force, latest = collaboration.in_force, collaboration.latest
    waiting = waiting_text(collaboration.waiting_for, collaboration.waiting_for_one_of)
    ruling = f"{in_force.digest}, {_until(in_force)}" if in_force else "nothing"
    lines = [f"collaboration  {collaboration.name}", f"in force       {ruling}"]
    lines.append(f"proposed last  {latest.digest} by {latest.proposed_by}")
    lines.append(f"accepted by    {', '.join(sorted(latest.accepted)) or 'nobody'}")
    lines.append(f"waiting for    {waiting}")
    lines += [f"dataset        {d.name} of {d.owner}" for d in collaboration.terms.datasets]
    if in_force is not None and collaboration.changes:
        lines += ["what the proposal changes:", *change_lines(collaboration.changes)]
    return lines


def step_lines(steps: Sequence[TakenStep]) -> list[str]:
    """Return the history, a line a step."""
    return ["history", *map(_step_line, steps)]


def _step_line(step: TakenStep) -> str:
    said = step.statement
    signer = said.signer.partition("://")[2].partition("/")[2]
    when = f"{datetime.fromtimestamp(step.taken_at_s, UTC):%Y-%m-%d %H:%M}"
    believed = "signed" if step.is_believed else (step.fault or "nobody signed it")
    turn = ", in force since" if step.put_in_force else ""
    what = f"{_VERBS[said.kind]} {said.policy_digest[:_SHORT]}…"
    return f"  {said.position:>3}  {when}  {what}  {signer} ({believed}){turn}"


def proposed_json(proposed: Proposed) -> dict[str, Any]:
    """Return a proposal for programs."""
    return {
        "collaboration": proposed.collaboration,
        "digest": proposed.digest,
        "in_force": proposed.in_force,
        "waiting_for": list(proposed.waiting_for),
        "waiting_for_one_of": list(proposed.waiting_for_one_of),
        "must_come_again": list(proposed.must_come_again),
        "changes": [_change_json(change) for change in proposed.changes],
    }


def accepted_json(accepted: Accepted) -> dict[str, Any]:
    """Return an acceptance for programs."""
    return {
        "collaboration": accepted.collaboration,
        "digest": accepted.policy.digest,
        "in_force": accepted.in_force,
        "waiting_for": list(accepted.waiting_for),
        "waiting_for_one_of": list(accepted.waiting_for_one_of),
    }


def status_json(
    collaboration: Collaboration, steps: Sequence[TakenStep], found: Sequence[str]
) -> dict[str, Any]:
    """Return where a collaboration stands, with all that an auditor needs to verify its history."""
    in_force, latest = collaboration.in_force, collaboration.latest
    return {
        "collaboration": collaboration.name,
        "in_force": in_force.digest if in_force else None,
        "in_force_until_s": in_force.valid_until_s if in_force else None,
        "latest": latest.digest,
        "latest_until_s": latest.valid_until_s,
        "accepted": sorted(latest.accepted),
        "waiting_for": list(collaboration.waiting_for),
        "waiting_for_one_of": list(collaboration.waiting_for_one_of),
        "must_come_again": list(collaboration.must_come_again),
        "changes": [_change_json(change) for change in collaboration.changes],
        "datasets": {d.name: d.owner for d in collaboration.terms.datasets},
        "findings": list(found),
        "steps": [_step_json(step) for step in steps],
    }


def _change_json(change: PolicyChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "direction": change.direction,
        "before": change.before or None,
        "after": change.after or None,
        "concerned": list(change.concerned),
        "words": change.words,
    }


def _step_json(step: TakenStep) -> dict[str, Any]:
    said = step.statement
    return {
        "position": said.position,
        "kind": said.kind,
        "policy_digest": said.policy_digest,
        "party": said.party or None,
        "signer": said.signer,
        "time_s": said.time_s,
        "taken_at_s": step.taken_at_s,
        "put_in_force": step.put_in_force,
        "fault": step.fault,
        "digest": step.step.digest,
        "statement": base64.b64encode(step.step.statement).decode(),
        "signature": base64.b64encode(step.step.signature).decode(),
        "certificates": step.step.certificates.decode("ascii", "replace"),
    }
