"""`cleanroom policy`: what is wrong with a policy file, for people and for CI.

The other commands of the group stand in files of their own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from cleanroom.cli import (
    policy_cases,
    policy_diff,
    policy_explain,
    policy_records,
    policy_schema,
    policy_simulate,
)
from cleanroom.cli.options import JsonOption
from cleanroom.cli.terminal import complain, plain, say

_FINDINGS: Final = 1
_ERRORS: Final = 2

app = typer.Typer(help="Check, compare and explain policy files.", no_args_is_help=True)
app.command("diff")(policy_diff.diff)
app.command("explain")(policy_explain.explain)
app.command("records")(policy_records.records)
app.command("schema")(policy_schema.schema)
app.command("simulate")(policy_simulate.simulate)
app.command("test")(policy_cases.try_cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remark:
    """One error or warning; line and column start at 1, 0 where it has no position."""

    severity: str
    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """Everything said of one file; the digest is what parties accept, None if it is not valid."""

    file: str
    digest: str | None
    remarks: tuple[_Remark, ...]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 warnings only, 2 errors."""
        if any(r.severity == "error" for r in self.remarks):
            return _ERRORS
        return _FINDINGS if self.remarks else 0


@app.command()
def lint(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy (YAML).")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say every error and warning with its line and column.

    Exits with 0 when the file is fine, 1 with warnings only, 2 with errors.

    Example: cleanroom policy lint policies/examples/demo.yaml
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        complain(f"{file}: the policy cannot be read: {error.strerror}")
        raise typer.Exit(_ERRORS) from None
    report = _report(data, str(file))
    if as_json:
        say(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    raise typer.Exit(report.exit_code)


def _report(data: bytes, file: str) -> _Report:
    from cleanroom.model.errors import PolicyInvalidError
    from cleanroom.policy.lint import lint as findings
    from cleanroom.policy.parse import parse_policy

    try:
        policy = parse_policy(data, file)
    except PolicyInvalidError as error:
        errors = tuple(_error(problem, file) for problem in error.problems)
        return _Report(file=file, digest=None, remarks=errors)
    warnings = tuple(
        _Remark(severity="warning", line=f.line, column=f.column, message=f.message)
        for f in findings(policy)
    )
    return _Report(file=file, digest=policy.digest, remarks=warnings)


def _error(problem: str, file: str) -> _Remark:
    """Read `file:line:column: message`, in which the file's name may hold colons."""
    line, _, rest = problem.removeprefix(f"{file}:").partition(":")
    column, _, message = rest.partition(":")
    if line.isdecimal() and column.isdecimal():
        return _Remark(
            severity="error", line=int(line), column=int(column), message=message.strip()
        )
    return _Remark(severity="error", line=0, column=0, message=problem)


def _print(report: _Report) -> None:
    for remark in report.remarks:
        place = f"{report.file}:{remark.line}:{remark.column}: " if remark.line else ""
        say(plain(f"{place}{remark.severity}: {remark.message}"))
    if report.digest is not None:
        say(plain(f"{report.file}: valid, digest {report.digest}"))
