"""`make bench-psi`: two files of e-mails to the match, ours beside other makers' systems.

Sizes, systems and the target of the Markdown are arguments; the progress goes to stderr.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.psi.files import Files, make_files
from benchmarks.psi.ours import run_ours, run_staged
from benchmarks.psi.peers import OPENMINED, SPU, SPU_ELLIGATOR2, Peer, run_peer
from benchmarks.psi.results import Result, fastest, heading, report

SIZES = (100_000, 1_000_000)
TARGET = Path("build") / "bench-psi.md"
# Beyond these sizes a system takes minutes; `--full` and `--only` run it all the same.
PATIENCE: Final[Mapping[str, int]] = {"openmined": 100_000, "spu-elligator2": 10_000}
PEERS: Final[Mapping[str, Peer]] = {
    "spu": SPU,
    "spu-elligator2": SPU_ELLIGATOR2,
    "openmined": OPENMINED,
}
SYSTEMS: Final[Mapping[str, Callable[[Path, Files], Result]]] = {
    "ours": run_ours,
    "ours-staged": run_staged,
    **{name: partial(run_peer, peer) for name, peer in PEERS.items()},
}


def main() -> None:
    """Run, print and write the tables."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _leave)  # so that what was started is ended, and files removed
    sections = [heading()]
    for people in given.sizes:
        results = _compare(people, given)
        sections.append(report(people, results, given.rounds))
    text = "\n".join(sections)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(text)
    _tell(f"written to {given.out}")


def _compare(people: int, given: argparse.Namespace) -> list[Result]:
    """Return the fastest run of each system; the rounds go through all systems in turn."""
    with _folder(f"{people}") as folder:
        _tell(f"{people:,} a side: making the files")
        files = make_files(folder, people)
        rounds = [
            [_result(name, files, given) for name in given.only or SYSTEMS]
            for _ in range(given.rounds)
        ]
    return [fastest(of_one) for of_one in zip(*rounds, strict=True)]


def _result(name: str, files: Files, given: argparse.Namespace) -> Result:
    longest = PATIENCE.get(name, files.people)
    if files.people > longest and not (given.full or given.only):
        why = f"not run above {longest:,} without --full"
        peer = PEERS[name]
        return Result(name=peer.name, version=peer.version, missing=why, leaks=peer.leaks)
    _tell(f"{files.people:,} a side: {name}")
    with _folder(name) as folder:
        result = SYSTEMS[name](folder, files)
    took = f"{result.cost.wall_s:.1f} s" if result.cost else result.missing
    _tell(f"{files.people:,} a side: {name}: {took}")
    return result


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix=f"bench-psi-{name}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-psi", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="people a side")
    parser.add_argument("--only", action="append", choices=SYSTEMS, help="a system; repeatable")
    parser.add_argument("--full", action="store_true", help="also what takes minutes")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the fastest counts")
    parser.add_argument("--out", type=Path, default=TARGET, help="where the Markdown goes")
    return parser.parse_args()


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    sys.stderr.write(f"bench-psi: {text}\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
