"""Reads policy files for a command, and says in the same words what is wrong with one.

Must not know what the command does with a policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cleanroom.cli.terminal import complain, plain

if TYPE_CHECKING:
    from cleanroom.policy.document import Policy

ERRORS: Final = 2


def read_policy_file(path: Path) -> Policy:
    """Return the policy of a file; print its problems with their positions and exit with 2."""
    from cleanroom.model.errors import PolicyInvalidError
    from cleanroom.policy.parse import parse_policy

    try:
        return parse_policy(path.read_bytes(), str(path))
    except OSError as error:
        complain(f"{path}: the policy cannot be read: {error.strerror}")
    except PolicyInvalidError as error:
        complain(plain_lines(error.problems))
    raise typer.Exit(ERRORS)


def plain_lines(lines: tuple[str, ...]) -> str:
    """Return lines of a file's own words without what could steer a terminal."""
    return "\n".join(plain(line) for line in lines)
