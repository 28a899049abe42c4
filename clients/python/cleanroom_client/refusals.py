"""The reasons of a refusal with their rules, as the service tells them; knows no transport.

Does not verify them: they are the service's word, and the policy that the parties accepted is the
proof. `rule` is a path in that policy, at `line`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cleanroom_client.errors import RoomError, one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalReason:
    """One reason: `rule` is empty where the question itself is at fault, and no policy's rule.

    `whose` are the parties whose rule it is; `allowed` is what the rule does allow.
    """

    words: str
    rule: str
    file: str
    line: int
    whose: tuple[str, ...]
    allowed: str


def reasons_of(metadata: Mapping[str, str]) -> tuple[RefusalReason, ...]:
    """Return the reasons of an error's metadata; empty where there are none that can be read."""
    try:
        told = json.loads(metadata.get("trace", "[]"))
        return tuple(_reason(reason) for reason in told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()


def refusal_json(error: RoomError) -> dict[str, Any]:
    """Return a refusal of the service for programs; `reasons` only where a policy refuses."""
    told: dict[str, Any] = {"reason": error.reason, "sentence": error.sentence}
    if error.reasons:
        told["reasons"] = [asdict(reason) for reason in error.reasons]
        told["left_out"] = error.reasons_left_out
    return told


def refusal_in_words(error: RoomError) -> list[str]:
    """Return the lines that tell each reason, whose rule it is, and what would be allowed."""
    count = len(error.reasons) + error.reasons_left_out
    if count == 1:
        (reason,) = error.reasons
        return [f"the policy refuses the question: {reason.words}", f"  {_proof(reason)}"]
    lines = [f"the policy refuses the question, for {count} reasons:"]
    for reason in error.reasons:
        lines += [f"  - {reason.words}", f"    {_proof(reason)}"]
    if error.reasons_left_out:
        lines.append(f"  and {error.reasons_left_out} more")
    return lines


def _proof(reason: RefusalReason) -> str:
    if not reason.rule:
        return f"in the question itself; allowed: {reason.allowed}"
    return f"rule of {', '.join(reason.whose)}; allowed: {reason.allowed}"


def _reason(told: Mapping[str, Any]) -> RefusalReason:
    return RefusalReason(
        words=_text(told["words"]),
        rule=_text(told["rule"]),
        file=_text(told["file"]),
        line=int(told["line"]),
        whose=tuple(_text(name) for name in told["whose"]),
        allowed=_text(told["allowed"]),
    )


def _text(value: object) -> str:
    """Return text without control characters: no peer writes to the terminal."""
    if not isinstance(value, str):
        raise TypeError("a reason is made of texts")
    return one_line(value)
