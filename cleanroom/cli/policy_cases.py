"""`cleanroom policy test`: an officer's own cases, for people and for CI."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cleanroom.cli.options import JsonOption
from cleanroom.cli.policy_files import ERRORS, plain_lines, read_policy_file
from cleanroom.cli.terminal import complain, plain, say

if TYPE_CHECKING:
    from cleanroom.policy.cases import Cases
    from cleanroom.policy.document import Policy
    from cleanroom.usecases.policy_cases import Outcome

ENDING: Final = ".test.yaml"
_FAILED: Final = 1


def try_cases(
    where: Annotated[
        Path,
        typer.Argument(metavar="DIR|FILE", help=f"A file of cases, or a folder of *{ENDING}."),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Try the cases that say what a policy must allow, refuse, withhold and cost.

    Exits with 0 when every case holds, 1 when one fails, 2 when a file is broken.
    policies/README.md tells how a file of cases is written.

    Example: cleanroom policy test policies/tests
    """
    found = [_tried(file) for file in _files(where)]
    failed = sum(not outcome.holds for _, _, outcomes in found for outcome in outcomes)
    if as_json:
        say(json.dumps({"files": [_json(*one) for one in found], "failed": failed}, indent=2))
    else:
        _print(found, failed)
    raise typer.Exit(_FAILED if failed else 0)


def _files(where: Path) -> list[Path]:
    if not where.is_dir():
        return [where]
    found = sorted(where.rglob(f"*{ENDING}"))
    if not found:
        complain(f"{where}: no file of cases here: its name must end with {ENDING}")
        raise typer.Exit(ERRORS)
    return found


def _tried(file: Path) -> tuple[Cases, Policy, list[Outcome]]:
    from cleanroom.usecases.policy_cases import try_case

    cases = _read(file)
    policy = read_policy_file(Path(os.path.normpath(file.parent / cases.policy)))
    return cases, policy, [try_case(policy, case) for case in cases.cases]


def _read(file: Path) -> Cases:
    from cleanroom.model.errors import PolicyInvalidError
    from cleanroom.policy.parse_cases import parse_cases

    try:
        return parse_cases(file.read_bytes(), str(file))
    except OSError as error:
        complain(f"{file}: the cases cannot be read: {error.strerror}")
    except PolicyInvalidError as error:
        complain(plain_lines(error.problems))
    raise typer.Exit(ERRORS)


def _json(cases: Cases, policy: Policy, outcomes: list[Outcome]) -> dict[str, object]:
    return {
        "file": cases.file,
        "policy": policy.file,
        "digest": policy.digest,
        "cases": [
            {
                "case": o.case.says,
                "line": o.case.mark.line,
                "holds": o.holds,
                "amiss": list(o.amiss),
            }
            for o in outcomes
        ],
    }


def _print(found: list[tuple[Cases, Policy, list[Outcome]]], failed: int) -> None:
    for cases, policy, outcomes in found:
        say(plain(f"{cases.file}: on {policy.file}"))
        for outcome in outcomes:
            say(plain(f"  {'holds' if outcome.holds else 'FAILS'}  {outcome.case.says}"))
            for amiss in outcome.amiss:
                say(plain(f"         {cases.file}:{outcome.case.mark.line}: {amiss}"))
    total = sum(len(outcomes) for _, _, outcomes in found)
    many = "1 case" if total == 1 else f"{total} cases"
    told = "all hold" if not failed else f"{failed} {'fails' if failed == 1 else 'fail'}"
    say(f"{many}: {told}")
