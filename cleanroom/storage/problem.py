"""One finding of fsck as a sentence; must not know how it was found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong and where; a note is expected after a crash and harms nothing."""

    where: str
    what: str
    is_note: bool

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{'note: ' if self.is_note else ''}{self.where}: {self.what}"


def problem(where: str, what: str) -> Problem:
    """Return a broken promise."""
    return Problem(where=where, what=what, is_note=False)


def note(where: str, what: str) -> Problem:
    """Return something left to be done."""
    return Problem(where=where, what=what, is_note=True)
