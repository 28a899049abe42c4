"""`cleanroom policy simulate`: what a new policy would have made of the questions already asked."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cleanroom.cli.options import JsonOption, OptionalConfigOption
from cleanroom.cli.policy_files import read_policy_file
from cleanroom.cli.terminal import plain, progress, say
from cleanroom.config import load_config

if TYPE_CHECKING:
    from cleanroom.policy.document import Policy
    from cleanroom.usecases.past import Past
    from cleanroom.usecases.simulate import Replayed

_FLIPS: Final = 1
_WIDTH: Final = 80
_FLIPPING: Final = ("would be refused", "would be answered", "would tell less")
_QUIET: Final = ("as it was", "still refused")


def simulate(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy to try (YAML).")],
    config: OptionalConfigOption = None,
    *,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="DIR", help="An exported log, in place of --config."),
    ] = None,
    old: Annotated[
        list[Path] | None,
        typer.Option("--old", metavar="FILE", help="With --log: a policy that was in force."),
    ] = None,
    collaboration: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose questions; the new policy's own by default."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put the questions of the log to a policy that is not in force, and say what would change.

    Which would be refused, which refusals answered, which answers would tell less, cost more or be
    told with another noise. It costs nothing and reads no data: of answers only the released,
    noisy numbers are read. An exported log has no answers; with the policies that were in force
    (--old) their lines and noise are compared too. It is read as it is: verify it first.

    Exits with 0 when no answer or refusal would flip, 1 when one would, 2 where NEW has errors.

    Example: cleanroom policy simulate next.yaml --config room/server.toml
    """
    from cleanroom.usecases.simulate import simulate as replay

    policy = read_policy_file(new)
    name = collaboration or policy.collaboration
    past, known = _questions(name, config, log, old or [])
    with progress() as bar:
        asked = bar.track(past, description="questions replayed")
        replayed = list(replay(asked, policy, known))
    if as_json:
        say(json.dumps(_document(policy, name, replayed), indent=2))
    else:
        _print(policy, name, replayed)
    raise typer.Exit(_FLIPS if any(r.outcome in _FLIPPING for r in replayed) else 0)


def _questions(
    collaboration: str, config: Path | None, log: Path | None, old: Sequence[Path]
) -> tuple[Sequence[Past], Mapping[str, Policy]]:
    """Return the questions of a store or an export and the policies they were asked under."""
    if config is not None and log is None:
        from cleanroom.cli.stores import opened
        from cleanroom.usecases.past import past_of_store

        with opened(load_config(config)) as store:
            return past_of_store(store, collaboration)
    if log is not None and config is None:
        return _exported(log, collaboration, old)
    raise typer.BadParameter("give --config or --log, and not both", param_hint="--config")


def _exported(
    folder: Path, collaboration: str, old: Sequence[Path]
) -> tuple[Sequence[Past], Mapping[str, Policy]]:
    """Return the questions of an exported log; its entries are read, not verified."""
    from cleanroom.audit.entry import decode_entry
    from cleanroom.audit.export_files import entries_as_they_are
    from cleanroom.storage.export_folder import ExportFolder
    from cleanroom.usecases.past import past_questions

    known = {policy.digest: policy for policy in map(read_policy_file, old)}
    entries = enumerate(map(decode_entry, entries_as_they_are(ExportFolder(folder))))
    return list(past_questions(entries, collaboration)), known


def _document(policy: Policy, collaboration: str, replayed: list[Replayed]) -> dict[str, Any]:
    return {
        "policy": {"file": policy.file, "digest": policy.digest},
        "collaboration": collaboration,
        "outcomes": dict(Counter(str(r.outcome) for r in replayed)),
        "questions": [
            {
                "entry": r.past.entry,
                "time_s": r.past.time_s,
                "asker": r.past.asker,
                "question": _words(r),
                "outcome": str(r.outcome),
                "reasons": r.reasons,
                "changes": r.changes,
                "withheld": r.withheld,
            }
            for r in replayed
        ],
    }


def _words(replayed: Replayed) -> str:
    from cleanroom.model.spoken import question_words

    noted = replayed.past.noted
    return replayed.past.family if noted is None else question_words(noted.question)


def _print(policy: Policy, collaboration: str, replayed: list[Replayed]) -> None:
    from cleanroom.usecases.simulate import Outcome

    answered = sum(not r.past.refused for r in replayed)
    _paragraph(
        f"{policy.file} on the {len(replayed)} questions of {collaboration}: {answered} were "
        f"answered and {len(replayed) - answered} refused."
    )
    early = sum(r.past.time_s < policy.valid_from_s for r in replayed)
    if early:
        _paragraph(f"{early} were asked before it begins and are put on its first day.")
    for outcome in Outcome:
        group = [r for r in replayed if r.outcome is outcome]
        if group:
            say(f"\n{_title(outcome, len(group))}")
            for one in group if str(outcome) not in _QUIET else ():
                _one(one)


def _title(outcome: str, count: int) -> str:
    noun = "question" if count == 1 else "questions"
    be = {"as it was": "would be answered as before", "still refused": "would be refused as before"}
    words = be.get(str(outcome), str(outcome))
    return f"{count} {noun} {words}{'' if str(outcome) in _QUIET else ':'}"


def _one(replayed: Replayed) -> None:
    past = replayed.past
    day = datetime.fromtimestamp(past.time_s, UTC)
    _paragraph(f"#{past.entry}  {day:%Y-%m-%d} {past.asker}: {_words(replayed)}", indent="  ")
    for line in _lines(replayed):
        _paragraph(f"- {line}", indent="    ")


def _lines(replayed: Replayed) -> Iterator[str]:
    before = "it was refused: " if replayed.outcome == "would be answered" else ""
    yield from (f"{before}{reason}" for reason in replayed.reasons)
    if replayed.withheld:
        yield f"of what was told, this would be withheld: {' and '.join(replayed.withheld)}"
    yield from replayed.changes


def _paragraph(text: str, indent: str = "") -> None:
    lines = textwrap.wrap(
        plain(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines))
