"""`cleanroom policy diff`: what a new version of a policy tightens and loosens, in words."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cleanroom.cli.options import JsonOption
from cleanroom.cli.policy_files import read_policy_file
from cleanroom.cli.terminal import plain, say

if TYPE_CHECKING:
    from cleanroom.policy.agreement import Needs
    from cleanroom.policy.compare import Change
    from cleanroom.policy.document import Policy

_LOOSENED: Final = 1
_WIDTH: Final = 80
_TITLES: Final = {"looser": "loosened", "tighter": "tightened", "neutral": "as before"}


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The policy as it is (YAML).")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy as it shall be (YAML).")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say what a new version of a policy tightens and what it loosens, and who has to accept it.

    A change that is not proven tighter counts as loosened: docs/policy-tools.md has the order of
    each key. Exits with 0 when nothing is loosened, 1 when something is, 2 with errors.

    Example: cleanroom policy diff policy.yaml policy-next.yaml
    """
    from cleanroom.policy.agreement import needs
    from cleanroom.policy.compare import compare

    before, after = read_policy_file(old), read_policy_file(new)
    changes, needed = compare(before, after), needs(before, after)
    if as_json:
        say(json.dumps(_document(before, after, changes, needed), indent=2))
    else:
        _print(before, after, changes, needed)
    raise typer.Exit(_LOOSENED if _loosened(changes) else 0)


def _loosened(changes: tuple[Change, ...]) -> bool:
    return any(change.direction == "looser" for change in changes)


def _document(
    old: Policy, new: Policy, changes: tuple[Change, ...], needed: Needs
) -> dict[str, Any]:
    return {
        "old": {"file": old.file, "digest": old.digest},
        "new": {"file": new.file, "digest": new.digest},
        "needs_acceptance_by": needed.accepting,
        "needs_signature_of": needed.signing,
        "needs_signature_of_one_of": needed.any_of,
        "changes": [
            {
                "path": change.path,
                "direction": change.direction,
                "words": change.words,
                "before": change.before,
                "after": change.after,
                "concerned": sorted(change.concerned),
                "old_line": old.mark(change.path).line,
                "new_line": new.mark(change.path).line,
            }
            for change in changes
        ],
    }


def _print(old: Policy, new: Policy, changes: tuple[Change, ...], needed: Needs) -> None:
    for direction, title in _TITLES.items():
        for change in (c for c in changes if c.direction == direction):
            needs = ""
            if direction == "looser":
                needs = f" — needs acceptance by {', '.join(sorted(change.concerned))}"
            _paragraph(f"{title}: {change.words}{needs}")
            say(plain(f"    {old.where(change.path)} -> {new.where(change.path)}"))
    if changes:
        say("")
    _paragraph(_summary(old, changes, needed))


def _summary(old: Policy, changes: tuple[Change, ...], needed: Needs) -> str:
    """Say when the new policy is in force, by the rule that the service itself goes by."""
    if not changes:
        return f"Nothing changed: both files have the digest {old.digest}."
    if _loosened(changes):
        what = "Something is loosened"
    elif any(change.direction == "tighter" for change in changes):
        what = "Nothing is loosened: the new policy protects at least as much as the old one"
    else:
        what = "Nothing is loosened or tightened: the rules are the same under another digest"
    return f"{what}. {_in_force(needed)}"


def _in_force(needed: Needs) -> str:
    signing = [name for name in needed.signing if name not in needed.accepting]
    conditions = [f"{_names(needed.accepting)} accepted it"] if needed.accepting else []
    conditions += [f"{_names(signing)} signed it"] if signing else []
    one_of = f"one of {', '.join(needed.any_of)} signed it"
    return f"It is in force as soon as {' and '.join(conditions) or one_of}."


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


def _paragraph(text: str) -> None:
    lines = textwrap.wrap(
        plain(text),
        _WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines))
