"""The demo as a numbered story; must not know the clock, how data is made, or how a table looks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import cleanroom
from cleanroom.demo.campaign import Campaign
from cleanroom.demo.generate import Files, generate
from cleanroom.demo.processes import (
    CLIENT,
    SERVICE,
    Server,
    StepFailed,
    finish_all,
    free_address,
    run,
    run_all,
    run_in_turns,
    shown,
    typed,
)
from cleanroom.demo.questions import DemoQuestion, refused
from cleanroom.demo.report import (
    Compared,
    budget_table,
    figures_tables,
    learned_table,
    verdict,
)

PARTIES = {"acme-brand": "exposures", "megamart": "sales", "fiscal-data": "panel"}
POLICY = Path(cleanroom.__file__).parent.parent / "policies" / "examples" / "demo.yaml"
_VALID = re.compile(r"^valid: .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the demo plays: a folder, a console, and the seconds since it began."""

    folder: Path
    console: Console
    elapsed_s: Callable[[], float]

    @property
    def room(self) -> Path:
        """The sandbox."""
        return self.folder / "room"

    @property
    def config(self) -> str:
        """The server's configuration."""
        return str(self.room / "server.toml")

    def client(self, party: str, *arguments: str) -> tuple[str, ...]:
        """Return a party's command."""
        return (CLIENT, "--profile", str(self.room / "parties" / f"{party}.toml"), *arguments)

    def tell(self, text: str) -> None:
        """Print a line under a step."""
        self.console.print(f"          {text}", markup=False, soft_wrap=True)


class Steps:
    """Numbers the steps and shows when each began."""

    def __init__(self, stage: Stage) -> None:
        """Start at one."""
        self._stage = stage
        self._count = 0

    def begin(self, title: str) -> None:
        """Print the next step's line."""
        self._count += 1
        line = f"[{self._stage.elapsed_s():6.1f} s] {self._count:2}. {title}"
        self._stage.console.print(line, style="bold", markup=False)


def make_files(stage: Stage, steps: Steps, *, people: int, seed: int, campaign: Campaign) -> Files:
    """Write the parties' files and the policy with dates around the campaign."""
    steps.begin(f"three companies make their files, {people:,} people each")
    files = generate(people=people, seed=seed, campaign=campaign)
    (stage.folder / "files").mkdir()
    for party, dataset in PARTIES.items():
        files.write(dataset, _file(stage, dataset))
        stage.tell(f"{party}: {dataset}.csv, {len(files.of(dataset)):,} rows")
    (stage.folder / "policy.yaml").write_text(_policy(campaign), encoding="utf-8")
    return files


def make_sandbox(stage: Stage, steps: Steps) -> None:
    """Make authority, keys, certificates and profiles."""
    steps.begin("the operator makes a sandbox and starts the server, mutual TLS on loopback")
    policy = str(stage.folder / "policy.yaml")
    listen = ("--listen", free_address())
    run((SERVICE, "sandbox", "init", str(stage.room), "--policy", policy, *listen))


def bring_data(stage: Stage, steps: Steps, server: Server) -> None:
    """Accept, upload, blind and seal; each party in a process of its own."""
    stage.tell(f"{SERVICE} serve: {server.address}")
    steps.begin("every party accepts the policy by its digest")
    policy = str(stage.folder / "policy.yaml")
    run_all([stage.client(party, "accept", "--file", policy) for party in PARTIES])
    steps.begin("every party blinds its identifiers on its own machine and uploads")
    run_all(
        [
            stage.client(party, "upload", dataset, str(_file(stage, dataset)))
            for party, dataset in PARTIES.items()
        ]
    )
    steps.begin("every party's agent blinds what the other two brought")
    found = run_all([stage.client(party, "blind", "--until-idle") for party in PARTIES])
    for party, out in zip(PARTIES, found, strict=True):
        stage.tell(f"{party}: {out.strip()}")
    steps.begin("every party seals its dataset: one encrypted, immutable version")
    sealed = run_all([stage.client(p, "seal", dataset) for p, dataset in PARTIES.items()])
    for party, out in zip(PARTIES, sealed, strict=True):
        stage.tell(f"{party}: {out.strip()}")


def ask_all(stage: Stage, steps: Steps, asked: Sequence[DemoQuestion]) -> list[Mapping[str, Any]]:
    """Ask every question, keep every receipt, and return the measurements in order."""
    steps.begin("the parties ask; noise is added before an answer leaves the service")
    (stage.folder / "receipts").mkdir()
    commands = []
    for place, question in enumerate(asked):
        stage.tell(f"{question.asker}: {question.title}")
        receipt = ("--receipt", str(_receipt(stage, place)))
        commands.append(_asking(stage, question, "--json", *receipt))
    return [json.loads(out) for out in run_in_turns(commands)]


def ask_in_vain(stage: Stage, steps: Steps, campaign: Campaign) -> None:
    """Ask what the policy does not allow; raises StepFailed unless it is refused as such."""
    question = refused(campaign)
    steps.begin(f"{question.title}: the policy refuses")
    command = _asking(stage, question)
    (finished,) = finish_all([command])
    if finished.code == 0 or "policy refuses" not in finished.err:
        why = "expected a refusal by the policy"
        raise StepFailed(command, why, finished.err + finished.out)
    for line in finished.err.rstrip().splitlines():
        stage.tell(line)


def ask_again(
    stage: Stage,
    steps: Steps,
    question: DemoQuestion,
    answer: Mapping[str, Any],
    before: Sequence[Mapping[str, Any]],
) -> None:
    """Repeat a question; raises StepFailed unless answer and budgets are as they were."""
    steps.begin("a question asked twice gets the same answer, free")
    command = _asking(stage, question, "--json")
    if json.loads(run(command)) != answer or budgets(stage) != before:
        raise StepFailed(command, "the repeat was another answer, or was debited", "")
    stage.tell("same measurement, no debit on any ledger")


def budgets(stage: Stage) -> list[Mapping[str, Any]]:
    """Return every ledger, in the parties' order."""
    found = run_all([stage.client(party, "budget", "--json") for party in PARTIES])
    return [balance for out in found for balance in json.loads(out)]


def verify_all(stage: Stage, steps: Steps) -> None:
    """Verify the log, a receipt without any connection, and that all that is stored agrees."""
    steps.begin("anybody checks: the log, a receipt offline, and the store")
    receipt = str(_receipt(stage, 0))
    key = str(stage.room / "log.vkey")
    commands = [
        (SERVICE, "audit", "verify", "--config", stage.config),
        (CLIENT, "receipt", "verify", receipt, "--log-key", key),
        (SERVICE, "fsck", "--config", stage.config),
    ]
    for command, out in zip(commands, run_all(commands), strict=True):
        stage.tell(f"{command[0]} {command[1]}: {out.strip().splitlines()[-1]}")


def conclude(
    stage: Stage,
    rows: Sequence[Compared],
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
) -> None:
    """Print the tables."""
    stage.console.print()
    for table in figures_tables(rows):
        stage.console.print(table)
    stage.console.print(verdict(rows))
    stage.console.print(budget_table(before, after))
    stage.console.print(learned_table())


def tell_in_words(stage: Stage, question: DemoQuestion) -> None:
    """Print an answer in plain words; it was given before, so it costs nothing."""
    told = run(_asking(stage, question, "--words"))
    stage.console.print("In plain words", style="bold")
    stage.console.print(f"\n{told}", markup=False, soft_wrap=True)


def tell_how_to_talk(stage: Stage) -> None:
    """Print commands for a server that stays up."""
    plan = ("plan", "match-rate", "--datasets", "exposures,sales")
    commands = (
        stage.client("acme-brand", *plan),
        stage.client("acme-brand", "ask", *plan[1:], "--by", "segment"),
        stage.client("megamart", "budget"),
        (SERVICE, "audit", "list", "--config", stage.config),
    )
    stage.console.print("\nThe server stays up until Ctrl-C. In another terminal, for example:")
    for command in commands:
        stage.console.print(f"  {shown(typed(command))}", markup=False, soft_wrap=True)


def _asking(stage: Stage, question: DemoQuestion, *more: str) -> tuple[str, ...]:
    return stage.client(question.asker, "--quiet", "ask", *question.arguments, *more)


def _receipt(stage: Stage, place: int) -> Path:
    return stage.folder / "receipts" / f"{place}.receipt"


def _file(stage: Stage, dataset: str) -> Path:
    return stage.folder / "files" / f"{dataset}.csv"


def _policy(campaign: Campaign) -> str:
    """Return the example policy, valid around the campaign whenever the demo is run."""
    if not POLICY.is_file():
        raise StepFailed((), f"{POLICY} is missing: run the demo from the repository", "")
    year = campaign.today.year
    valid = f"valid: {{from: {year - 1}-01-01, until: {year + 1}-12-31}}"
    text, count = _VALID.subn(valid, POLICY.read_text(encoding="utf-8"))
    if count != 1:
        raise StepFailed((), f"{POLICY} does not have one line 'valid: …'", "")
    return text
