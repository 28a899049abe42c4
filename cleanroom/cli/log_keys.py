"""The log's verifier keys as given on a command line: as text, or in a file."""

from __future__ import annotations

from pathlib import Path

import typer

from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import NoteVerifier, parse_keys

_HINT = "--log-key"


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
