"""Why a policy refuses a question, as a value: the rule, where it stands, whose it is, what it allows.

Must not know policies. A reason follows from the policy's text, the question, the asker and its
own earlier questions, never from data, and holds no text of the asker but names that are checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

MAX_TRACE = 2_000  # characters: the trace travels in a header


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason in words, with its proof.

    `rule` is the path in the policy file `file`, at `line` (from 1). A reason without a rule lies
    in the question itself: no policy would allow it. `whose` are the parties whose rule it is: a
    dataset's owner, or all parties where they agreed on it together. `allowed` says what the rule
    does allow.
    """

    words: str
    allowed: str
    rule: str = ""
    file: str = ""
    line: int = 0
    whose: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the sentence, which names the place too."""
        return self.words

    def to_json(self) -> dict[str, str | int | list[str]]:
        """Return the reason for programs."""
        return {
            "words": self.words,
            "rule": self.rule,
            "file": self.file,
            "line": self.line,
            "whose": list(self.whose),
            "allowed": self.allowed,
        }


def trace(reasons: Iterable[Reason], most: int = MAX_TRACE) -> tuple[Reason, ...]:
    """Return as many of the first reasons as their JSON has room for in `most` characters."""
    kept: list[Reason] = []
    room = most - 2
    for reason in reasons:
        room -= len(trace_text((reason,))) - 1
        if room < 0:
            break
        kept.append(reason)
    return tuple(kept)


def trace_text(reasons: Iterable[Reason]) -> str:
    """Return compact JSON of reasons, in ASCII."""
    return json.dumps([r.to_json() for r in reasons], separators=(",", ":"))
