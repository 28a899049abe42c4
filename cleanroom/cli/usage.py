"""A wrong command line as one sentence; must not know any command."""

from __future__ import annotations

import typer


def usage_sentence(error: typer.TyperException, program: str) -> str:
    """Return what is wrong and where the help is."""
    context = getattr(error, "ctx", None)
    command = program if context is None else context.command_path
    said = error.format_message().removeprefix("Invalid value: ").rstrip(".")
    return f"{said} (see '{command} --help')"


def is_help(error: typer.TyperException) -> bool:
    """Tell whether it is the help because nothing was asked; Rich has printed it already."""
    text = error.format_message()
    return "Usage:" in text or not text.strip()
