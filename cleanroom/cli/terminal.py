"""What is printed and how wide; must not know what it means.

Text from files, logs and callers is never read as Rich markup and shows no control characters.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_NARROW: Final = 140
_WIDE: Final = 240  # where no terminal says how wide it is, nothing should be cut


def say(line: str, end: str = "\n") -> None:
    """Print to stdout as it is."""
    sys.stdout.write(line + end)


def complain(sentence: str) -> None:
    """Print an error to stderr."""
    sys.stderr.write(f"cleanroom: {sentence}\n")


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, head: int | None = None
) -> None:
    """Print a table to stdout, as wide as the terminal.

    With `head`, a narrow terminal gets a paragraph for each row instead: that many columns on its
    first line, the others beneath.
    """
    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDE
    if head is not None and console.width < _NARROW:
        for row in rows:
            say(_paragraph([plain(cell) for cell in row], head, console.width))
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console.print(table)


def _paragraph(cells: Sequence[str], head: int, width: int) -> str:
    rest = ": ".join(cell for cell in cells[head:] if cell)
    indent = " " * 4
    beneath = textwrap.wrap(rest, width, initial_indent=indent, subsequent_indent=indent)
    return "\n".join(("  ".join(cells[:head]), *beneath))


def plain(text: str) -> str:
    """Return the text with what could steer a terminal shown as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def progress() -> Progress:
    """Return a bar on stderr that shows itself only on a terminal and leaves nothing behind."""
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        TextColumn("{task.completed} of {task.total}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
