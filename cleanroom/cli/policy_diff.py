"""`cleanroom policy diff`: what a new version of a policy tightens and loosens, in words."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cleanroom.cli.options import JsonOption
from cleanroom.cli.policy_files import read_policy_file
from cleanroom.cli.terminal import plain, say

if TYPE_CHECKING:
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
    from cleanroom.policy.compare import compare

    before, after = read_policy_file(old), read_policy_file(new)
    changes = compare(before, after)
    accepting = _accepting(changes, before, after)
    if as_json:
        say(json.dumps(_document(before, after, changes, accepting), indent=2))
    else:
        _print(before, after, changes, accepting)
    raise typer.Exit(_LOOSENED if accepting else 0)


def _accepting(changes: tuple[Change, ...], old: Policy, new: Policy) -> tuple[str, ...]:
    """Return whoever has to accept what is loosened, in the order of the policies."""
    concerned = {name for c in changes if c.direction == "looser" for name in c.concerned}
    names = dict.fromkeys(p.name for policy in (new, old) for p in policy.parties)
    return tuple(name for name in names if name in concerned)


def _document(
    old: Policy, new: Policy, changes: tuple[Change, ...], accepting: tuple[str, ...]
) -> dict[str, Any]:
    return {
        "old": {"file": old.file, "digest": old.digest},
        "new": {"file": new.file, "digest": new.digest},
        "needs_acceptance_by": accepting,
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


def _print(
    old: Policy, new: Policy, changes: tuple[Change, ...], accepting: tuple[str, ...]
) -> None:
    for direction, title in _TITLES.items():
        for change in (c for c in changes if c.direction == direction):
            needs = ""
            if direction == "looser":
                needs = f" — needs acceptance by {', '.join(sorted(change.concerned))}"
            _paragraph(f"{title}: {change.words}{needs}")
            say(plain(f"    {old.where(change.path)} -> {new.where(change.path)}"))
    if changes:
        say("")
    _paragraph(_summary(old, changes, accepting))


def _summary(old: Policy, changes: tuple[Change, ...], accepting: tuple[str, ...]) -> str:
    if not changes:
        return f"Nothing changed: both files have the digest {old.digest}."
    if accepting:
        names = ", ".join(accepting)
        return f"Something is loosened: the new policy needs acceptance by {names}."
    if any(change.direction == "tighter" for change in changes):
        return "Nothing is loosened: the new policy protects at least as much as the old one."
    return "Nothing is loosened or tightened: the new policy has another digest and the same rules."


def _paragraph(text: str) -> None:
    lines = textwrap.wrap(
        plain(text),
        _WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines))
