"""`cleanroom audit verify` and `diff-checkpoint`: the log against what was signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cleanroom.audit.checkpoint import Checkpoint, open_checkpoint
from cleanroom.audit.cosignature import Cosignature, cosignatures, require_quorum
from cleanroom.audit.encoding import encode_base64
from cleanroom.audit.export import Verified, verify_export
from cleanroom.audit.export_files import nodes_of
from cleanroom.audit.note import NoteVerifier
from cleanroom.audit.relation import Relation, relation
from cleanroom.audit.words import when
from cleanroom.cli.log_keys import given_keys, given_witnesses
from cleanroom.cli.options import JsonOption, LogKeyOption, OptionalConfigOption
from cleanroom.cli.stores import opened, signed_note
from cleanroom.cli.terminal import progress, say
from cleanroom.config import load_config

_FORK: Final = 1
_UNPROVEN: Final = 2

WitnessKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--witness-key", metavar="KEY", help="A witness that must have cosigned; repeatable."
    ),
]
QuorumOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="How many of those witnesses suffice (default: all)."),
]
ExportArgument = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="An exported log, instead of --config.")
]
AgainstOption = Annotated[
    Path | None,
    typer.Option(metavar="NOTE", help="A checkpoint kept earlier: the log must continue it."),
]


def verify(
    folder: ExportArgument = None,
    *,
    config: OptionalConfigOption = None,
    log_key: LogKeyOption = None,
    against: AgainstOption = None,
    witness_key: WitnessKeyOption = None,
    quorum: QuorumOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the whole tree again from the entries and compare it with what is stored and signed.

    Of an exported folder every file is checked, without any server; of a server's own log
    (--config) the entries and the stored tree are. A refusal names the file or entry, and says
    whether the log was changed, truncated, put back or forked.

    Example: cleanroom audit verify exported --log-key log.vkey --against kept.checkpoint
    """
    if (folder is None) == (config is None):
        raise typer.BadParameter("name either an exported folder or, with --config, a server's log")
    witnesses = given_witnesses(witness_key or [], quorum)
    earlier = None if against is None else against.read_bytes()
    if folder is not None:
        found = _exported(folder, given_keys(log_key), earlier)
    else:
        found = stored(config or Path(), earlier)
    require_quorum(found.note, witnesses, len(witnesses) if quorum is None else quorum)
    _tell(found, against, cosignatures(found.note, witnesses), as_json=as_json)


def diff_checkpoint(
    one: Annotated[Path, typer.Argument(metavar="NOTE", help="A checkpoint.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Another one, in any order.")],
    *,
    log_key: LogKeyOption = None,
    folder: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="An exported log, to prove it with."),
    ] = None,
    config: OptionalConfigOption = None,
) -> None:
    """Say whether two checkpoints agree, one extends the other, or the log was forked.

    Exits with 0 when they agree or one extends the other, 1 for a fork, 2 when nothing given
    proves either: two sizes need the entries between them, from --export or --config.

    Example: cleanroom audit diff-checkpoint mine theirs --log-key log.vkey --export exported
    """
    keys = _keys(config) if config is not None and log_key is None else given_keys(log_key)
    notes = [open_checkpoint(path.read_bytes(), keys) for path in (one, other)]
    paths = (one, other) if notes[0].size <= notes[1].size else (other, one)
    old, new = sorted(notes, key=lambda checkpoint: checkpoint.size)
    found = _relation(old, new, folder, config)
    say(_words(found, old, new, paths))
    if found is Relation.FORK:
        raise typer.Exit(_FORK)
    if found is Relation.UNPROVEN:
        raise typer.Exit(_UNPROVEN)


def _exported(folder: Path, keys: tuple[NoteVerifier, ...], earlier: bytes | None) -> Verified:
    from cleanroom.storage.export_folder import ExportFolder

    with progress() as bar:
        task = bar.add_task("entries verified", total=None)
        return verify_export(
            ExportFolder(folder),
            keys,
            against=earlier,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )


def stored(config: Path, earlier: bytes | None) -> Verified:
    """Verify the log of a configured service; raises as `verify_stored_log`."""
    from cleanroom.cli.log_check import verify_stored_log
    from cleanroom.wiring.opening import log_keys

    known = load_config(config)
    with opened(known) as store, progress() as bar:
        task = bar.add_task("entries verified", total=None)
        return verify_stored_log(
            store,
            signed_note(known, store),
            log_keys(known.log),
            against=earlier,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _tell(
    found: Verified, against: Path | None, cosigned: Sequence[Cosignature], *, as_json: bool
) -> None:
    checkpoint, note = found.summary.checkpoint, found.note.decode()
    if as_json:
        told = {
            "entries": checkpoint.size,
            "root": encode_base64(checkpoint.root),
            "continues": None if against is None else str(against),
            "kinds": {kind.value: count for kind, count in sorted(found.summary.kinds.items())},
            "files": found.files,
            "cosigned": [{"witness": c.witness, "time_s": c.time_s} for c in cosigned],
            "checkpoint": note,
        }
        say(json.dumps(told, indent=2))
        return
    say(f"entries     {checkpoint.size}")
    say(f"root        {encode_base64(checkpoint.root)}")
    if found.files:
        say(f"files       {found.files}, each checked")
    if against is not None:
        say(f"continues   {against}")
    for cosignature in cosigned:
        say(f"cosigned    {when(cosignature.time_s)} by {cosignature.witness}")
    say("checkpoint")
    say(note.rstrip("\n"))
    say("the log is consistent")


def _keys(config: Path) -> tuple[NoteVerifier, ...]:
    from cleanroom.wiring.opening import log_keys

    return log_keys(load_config(config).log)


def _relation(
    old: Checkpoint, new: Checkpoint, folder: Path | None, config: Path | None
) -> Relation:
    from cleanroom.storage.export_folder import ExportFolder

    try:
        if folder is not None:
            return relation(old, new, nodes_of(ExportFolder(folder), new.size))
        if config is not None:
            with opened(load_config(config)) as store:
                return store.read(lambda tx: relation(old, new, tx.log.node))
    except KeyError:
        return Relation.UNPROVEN
    return relation(old, new, None)


def _words(found: Relation, old: Checkpoint, new: Checkpoint, paths: tuple[Path, Path]) -> str:
    older, newer = paths
    match found:
        case Relation.AGREE:
            return f"agree: both state the same {new.size} entries"
        case Relation.EXTENDS:
            return f"extends: the {old.size} entries of {older} begin the {new.size} of {newer}"
        case Relation.FORK:
            return (
                f"fork: the {old.size} entries of {older} do not begin the {new.size} of {newer}; "
                "both are signed by the log's key: keep both files, they prove it"
            )
        case Relation.UNPROVEN:
            return (
                f"not shown: {older} states {old.size} entries and {newer} {new.size}; give "
                "--export or --config of a log that holds them all"
            )
