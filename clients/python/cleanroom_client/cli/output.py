"""How answers look on a terminal: JSON for programs, tables for people; knows no service."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cleanroom_client.errors import one_line

_WIDTH_OF_A_FILE = 140
_WIDTH_OF_PROSE = 80


def say(text: str) -> None:
    """Print a line for people or a document for programs to stdout."""
    typer.echo(text)


def say_paragraphs(text: str) -> None:
    """Print text with a paragraph a line to stdout."""
    typer.echo(wrapped(text))


def wrapped(text: str) -> str:
    """Return text with a paragraph a line wrapped at 80 columns."""
    fill = textwrap.TextWrapper(_WIDTH_OF_PROSE, subsequent_indent="  ").fill
    return "\n".join(map(fill, text.splitlines()))


def remark(text: str, *, quiet: bool) -> None:
    """Print a line beside the answer, to stderr."""
    if not quiet:
        typer.echo(text, err=True)


def complain(sentence: str, *details: str) -> None:
    """Print the one sentence of a failure to stderr, and under it what it is made of."""
    typer.echo(f"error: {one_line(sentence)}", err=True)
    for detail in details:
        indent = len(detail) - len(detail.lstrip(" "))
        typer.echo(f"{' ' * indent}{one_line(detail)}", err=True)


def say_json(value: Any) -> None:
    """Print a value as JSON to stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def error_console() -> Console:
    """Return the console of stderr."""
    return Console(file=sys.stderr)


def show(table: Table) -> None:
    """Print a table to stdout, wide where no terminal limits it."""
    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if limited else _WIDTH_OF_A_FILE
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def table_of(title: str, columns: Sequence[str], *, numbers: Sequence[str] = ()) -> Table:
    """Return an empty table; `numbers` are the columns aligned to the right."""
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Add a row of plain text: what comes from a service or a policy is never markup."""
    table.add_row(*(Text(str(cell)) for cell in cells))
