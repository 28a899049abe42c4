"""Makes the reasons of refusals: finds where a rule stands and whose it is; knows no question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cleanroom.model.refusal import Reason
from cleanroom.policy.document import Policy

_SHOWN = 12  # values: more is a list that nobody reads


def ruled(policy: Policy, rule: str, words: str, *, allowed: str, then: str = "") -> Reason:
    """Return the reason that `words` say of `rule`, followed by its place, and by `then`."""
    return placed(policy, rule, f"{words} ({policy.where(rule)}){then}", allowed=allowed)


def placed(policy: Policy, rule: str, words: str, *, allowed: str) -> Reason:
    """Return the reason that `words`, which name the place themselves, say of `rule`."""
    return Reason(
        words=words,
        allowed=allowed,
        rule=rule,
        file=policy.file,
        line=policy.mark(rule).line,
        whose=_whose(policy, rule),
    )


def located(policy: Policy, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons of those who know no files, each with the place and the party of its rule."""
    return tuple(_located(policy, reason) for reason in reasons)


def listed(names: Iterable[str]) -> str:
    """Return names in words, a long list cut short."""
    known = tuple(names)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more if known else "none"


def _located(policy: Policy, reason: Reason) -> Reason:
    if not reason.rule or reason.file:
        return reason
    return replace(
        reason,
        words=f"{reason.words} ({policy.where(reason.rule)})",
        file=policy.file,
        line=policy.mark(reason.rule).line,
        whose=reason.whose or _whose(policy, reason.rule),
    )


def _whose(policy: Policy, rule: str) -> tuple[str, ...]:
    """Return a dataset's owner; for all other rules the parties, who agreed on them together."""
    for dataset in policy.datasets:
        if f"{rule}.".startswith(f"datasets.{dataset.schema.name}."):
            return (dataset.schema.owner,)
    return tuple(party.name for party in policy.parties)
