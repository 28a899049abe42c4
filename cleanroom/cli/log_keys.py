"""The log's verifier keys as given on a command line: as text, or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from cleanroom.audit.cosignature import WitnessKey
from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import NoteVerifier, parse_keys

_HINT = "--log-key"


def given_text(text: str) -> str:
    """Return verifier keys given as text, or what the file of that name holds, unparsed."""
    path = Path(text)
    if "+" in text and not path.is_file():
        return text
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise typer.BadParameter(f"{text}: there is no such file", param_hint=_HINT) from None


def given_keys(text: str | None) -> tuple[NoteVerifier, ...]:
    """Return the keys; a file's are a line each. Raises BadParameter."""
    if text is None:
        raise typer.BadParameter(
            "give the log's key, which you had another way: nothing proves its own key",
            param_hint=_HINT,
        )
    try:
        return parse_keys(text)
    except NoteInvalid as error:
        as_text = error.why
    try:
        return parse_keys(Path(text).read_text(encoding="utf-8"))
    except NoteInvalid as error:
        raise typer.BadParameter(f"{text}: {error.why}", param_hint=_HINT) from None
    except (OSError, ValueError):
        why = f"it is no file, and as a key: {as_text}"
        raise typer.BadParameter(why, param_hint=_HINT) from None


def given_witnesses(texts: Sequence[str], quorum: int | None) -> tuple[WitnessKey, ...]:
    """Return witnesses' keys, each given as text or in a file; raises BadParameter."""
    hint = "--witness-key"
    keys = []
    for text in texts:
        try:
            keys.append(WitnessKey.parse(given_text(text).strip()))
        except NoteInvalid as error:
            raise typer.BadParameter(f"{text}: {error.why}", param_hint=hint) from None
    if quorum is not None and quorum > len(keys):
        why = f"{quorum} witnesses are wanted, the keys of {len(keys)} are given"
        raise typer.BadParameter(why, param_hint="--quorum")
    return tuple(keys)
