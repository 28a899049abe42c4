"""The one error a partner's table may give: where it is and what was expected; knows no reading."""

from __future__ import annotations

_MAX_SHOWN = 40


class BadInput(ValueError):
    """A table cannot be used; one sentence names file, line, column and what was expected.

    `line` counts from 1 in a CSV file with its header; in other sources `unit` is "row" and counts
    the rows from 1. `column` is the header in the partner's table.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str,
        line: int | None = None,
        column: str | None = None,
        unit: str = "line",
    ) -> None:
        """Keep the facts."""
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.unit = unit

    def __str__(self) -> str:
        """Return the sentence."""
        line = f", {self.unit} {self.line}" if self.line is not None else ""
        column = f", column {shown(self.column)}" if self.column is not None else ""
        return f"{self.file}{line}{column}: {self.message}"


class WrongValue(ValueError):
    """A single value is not what its column holds; says what was expected."""


def shown(text: str) -> str:
    """Return a category's name for a message, or a stand-in where it may be personal data."""
    if len(text) > _MAX_SHOWN or "@" in text or sum(c.isdigit() for c in text) > _MAX_SHOWN // 6:
        return "(not shown: it looks like personal data)"
    return repr(text)


def join_names(names: list[str]) -> str:
    """Return headers or values as a list for a message, cut where it would get unreadable."""
    limit = 12
    tail = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(shown(name) for name in names[:limit]) + tail
