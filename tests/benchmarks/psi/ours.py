"""Our side of the comparison: two parties against the real server, by the SDK or its commands."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cleanroom
from benchmarks.psi.costs import NOTHING, Background, CommandFailed, Cost, side_by_side
from benchmarks.psi.files import Files
from benchmarks.psi.results import Result
from cleanroom.demo.processes import free_address
from cleanroom_client.blinding.kernel import chosen

LEAKS = (
    "nobody receives the intersection; the other party: a padded size; the operator: which "
    "blinded rows are equal; the answer is noised"
)
POLICY = """\
version: cleanroom/v1
collaboration: bench-psi
valid: {from: 2026-01-01, until: 2035-12-31}
parties:
  left:  {role: advertiser, may_ask: [match_rate]}
  right: {role: retailer, may_ask: []}
matching: {scheme: psi, normalisation: uid2-2026, keys: [email]}
datasets:
  audience: {owner: left}
  shoppers:
    owner: right
    minimum_aggregation: {people: 100, miss_probability: 1e-6}
    privacy: {pool: shoppers, definition: zcdp, epsilon: 4, delta: 1e-7, per_question: 1}
    consent: {match_rate: [measurement]}
retention: {datasets_days: 30, measurements_days: 365}
"""
_DATASETS = {"left": "audience", "right": "shoppers"}
_PARTY = Path(__file__).parent / "scripts" / "our_party.py"
_SDS_OFF = 8  # standard deviations of the noise; beyond them the matching is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    folder: Path
    server: Background

    def profile(self, party: str) -> Path:
        return self.folder / "room" / "parties" / f"{party}.toml"

    def client(self, party: str, *arguments: str) -> tuple[str, ...]:
        return (*_program("cleanroom_client"), "--profile", str(self.profile(party)), *arguments)

    def both(self, arguments: Callable[[str], Sequence[str]]) -> tuple[Cost, list[str]]:
        """Run a command of each party, at once; the server's work meanwhile is counted too."""
        return self.run([self.client(party, *arguments(party)) for party in _DATASETS])

    def run(self, commands: Sequence[Sequence[str]]) -> tuple[Cost, list[str]]:
        before_s = self.server.cpu_s()
        cost, outputs = side_by_side(commands, _environment())
        served = Cost(
            wall_s=0,
            cpu_s=self.server.cpu_s() - before_s,
            peak_bytes=self.server.peak_bytes(),
            busy_s=0,
        )
        return cost + served, outputs


_Timed = Callable[[_Room, Mapping[str, Path]], tuple[dict[str, Cost], str]]


def run_ours(folder: Path, files: Files) -> Result:
    """Bring and match two files in a fresh sandbox, one process a party; raises CommandFailed."""
    return _run(folder, files, "ours", _in_one_go)


def run_staged(folder: Path, files: Files) -> Result:
    """Do the same with a command for each stage, which tells what each costs."""
    return _run(folder, files, "ours, command by command", _staged)


def _run(folder: Path, files: Files, name: str, timed: _Timed) -> Result:
    """Time one way of bringing two files and asking.

    Sandbox, server start and acceptance are not timed: they come once in a collaboration.
    """
    config = _sandbox(folder)
    serve = (*_program("cleanroom"), "serve", "--config", str(config))
    ready = "cleanroom serving on "
    with Background(serve, _environment(), ready=ready, logs=folder) as server:
        room = _Room(folder=folder, server=server)
        # One after the other: the second acceptance puts the policy in force.
        for party in _DATASETS:
            room.run([room.client(party, "accept", "--file", str(folder / "policy.yaml"))])
        stages, answer = timed(room, {"left": files.left, "right": files.right})
    kernel = chosen()
    return Result(
        name=name,
        version=f"{cleanroom.__version__}, path {kernel.path if kernel else 'python'}",
        cost=sum(stages.values(), start=NOTHING),
        stages=stages if len(stages) > 1 else {},
        found=_checked(json.loads(answer), files),
        leaks=LEAKS,
    )


def _in_one_go(room: _Room, csv: Mapping[str, Path]) -> tuple[dict[str, Cost], str]:
    commands = [
        (sys.executable, str(_PARTY), str(room.profile(party)), dataset, str(csv[party]))
        for party, dataset in _DATASETS.items()
    ]
    asking = (*commands[0], ",".join(_DATASETS.values()))
    cost, (answer, _) = room.run([asking, commands[1]])
    return {"all": cost}, answer


def _staged(room: _Room, csv: Mapping[str, Path]) -> tuple[dict[str, Cost], str]:
    stages: dict[str, Cost] = {}
    stages["upload"], _ = room.both(lambda p: ("--quiet", "upload", _DATASETS[p], str(csv[p])))
    stages["relay"], _ = room.both(lambda _: ("--quiet", "blind", "--until-idle"))
    stages["seal"], _ = room.both(lambda p: ("--quiet", "seal", _DATASETS[p]))
    question = ("--quiet", "ask", "match-rate", "--datasets", "audience,shoppers", "--json")
    stages["match"], (answer,) = room.run([room.client("left", *question)])
    return stages, answer


def _checked(answer: dict, files: Files) -> str:
    """Return the released figure; raises CommandFailed where noise cannot explain it."""
    (cell,) = answer["cells"]
    (matched,) = (figure for figure in cell["figures"] if figure["name"] == "matched")
    if abs(matched["value"] - files.shared) > _SDS_OFF * matched["noise_sd"]:
        raise CommandFailed("the released match is not the one planted in the files")
    return f"{matched['value']:,.0f} ± {matched['noise_sd']:.1f}"


def _sandbox(folder: Path) -> Path:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    where = ("--policy", str(policy), "--listen", free_address())
    init = (*_program("cleanroom"), "sandbox", "init", str(folder / "room"), *where)
    side_by_side([init], _environment())
    return folder / "room" / "server.toml"


def _program(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": path}
