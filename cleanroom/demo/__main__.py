"""`python -m cleanroom.demo`: arguments, the clock, and what is left behind; no step of its own."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cleanroom.demo import run
from cleanroom.demo.campaign import Campaign
from cleanroom.demo.processes import Server, StepFailed
from cleanroom.demo.questions import LIFT_BY_CITY, questions
from cleanroom.demo.report import compared, console
from cleanroom_client.blinding.kernel import chosen

PEOPLE, PEOPLE_WITHOUT_KERNEL = 200_000, 20_000  # so that it takes a minute or two on two cores
FEWEST, MOST = 1_000, 1_000_000
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; return 0, or 1 where a step failed, whose command and output are shown."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)  # so that the server is ended too
    try:
        with _folder(given.dir) as folder:
            _play(given, folder)
    except StepFailed as failure:
        sys.stderr.write(f"\nthe demo stopped at a step that failed:\n{failure}\n")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def _play(given: argparse.Namespace, folder: Path) -> None:
    began = time.monotonic()
    stage = run.Stage(folder=folder, console=console(), elapsed_s=lambda: time.monotonic() - began)
    steps = run.Steps(stage)
    campaign = Campaign(today=datetime.now(UTC).date())  # noqa: TID251 - the outermost module
    files = run.make_files(stage, steps, people=given.people, seed=given.seed, campaign=campaign)
    run.make_sandbox(stage, steps)
    with Server(stage.room / "server.toml", folder) as server:
        run.bring_data(stage, steps, server)
        before = run.budgets(stage)
        asked = questions(files)
        answers = run.ask_all(stage, steps, asked)
        run.ask_in_vain(stage, steps, campaign)
        after = run.budgets(stage)
        run.ask_again(stage, steps, asked[0], answers[0], after)
        run.verify_all(stage, steps)
        pairs = zip(asked, answers, strict=True)
        rows = [row for question, answer in pairs for row in compared(question, answer)]
        run.conclude(stage, rows, before, after)
        run.tell_in_words(stage, asked[LIFT_BY_CITY])
        stage.console.print(f"Done in {stage.elapsed_s():.0f} s.")
        if given.keep:
            run.tell_how_to_talk(stage)
            _wait_for_the_end()


def _wait_for_the_end() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        sys.stdout.write("\nstopping\n")


def _leave(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    """Yield a named folder, which is left as it is, or a temporary one, which is removed."""
    if named is None:
        made = Path(tempfile.mkdtemp(prefix="cleanroom-demo-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return
    if named.exists() and (not named.is_dir() or any(named.iterdir())):
        raise StepFailed((), f"{named} is not an empty folder: name a new one", "")
    named.mkdir(parents=True, exist_ok=True)
    yield named.absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cleanroom.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the server up until Ctrl-C")
    people = PEOPLE if chosen() else PEOPLE_WITHOUT_KERNEL
    parser.add_argument("--people", type=_people, default=people, help="people at each company")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up data")
    parser.add_argument("--dir", type=Path, help="a new folder to play in, which is kept")
    return parser


def _people(text: str) -> int:
    if not text.isdecimal() or not FEWEST <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"expected a number from {FEWEST:,} to {MOST:,}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
