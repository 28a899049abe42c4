"""`cleanroom policy explain`: what a policy permits, in plain English."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cleanroom.cli.options import JsonOption
from cleanroom.cli.policy_files import read_policy_file
from cleanroom.cli.terminal import plain, say

if TYPE_CHECKING:
    from cleanroom.policy.explain import Section

_WIDTH: Final = 80
_ITEM: Final = "- "


def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy (YAML).")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say in plain English who may learn what, about whom, how precisely and until when.

    The figures are those of the planner that answers are made by. Exits with 0, or with 2 where
    the file has errors.

    Example: cleanroom policy explain policies/examples/demo.yaml
    """
    from cleanroom.analysis.precision import precisions
    from cleanroom.policy.explain import explain as sections_of

    policy = read_policy_file(file)
    figures = precisions(policy)
    sections = sections_of(policy, figures)
    if as_json:
        document = {
            "file": policy.file,
            "digest": policy.digest,
            "sections": [asdict(section) for section in sections],
            "precisions": [asdict(p) | {"ledger": str(p.ledger)} for p in figures],
        }
        say(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        title = f"The policy of {policy.collaboration}"
        say(f"{title}\n{'=' * len(title)}\n\n{policy.file}, digest\n{policy.digest}")
        say("".join(_text(section) for section in sections), end="")


def _text(section: Section) -> str:
    lines = ["", plain(section.title), "-" * len(section.title)]
    for paragraph in section.paragraphs:
        indent = " " * len(_ITEM) if paragraph.startswith(_ITEM) else ""
        lines += textwrap.wrap(
            plain(paragraph),
            _WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"
