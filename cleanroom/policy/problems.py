"""Collects what is wrong with a file, so that its writer sees all of it at once.

Must not know the grammar.
"""

from __future__ import annotations

import unicodedata
from typing import NoReturn

from cleanroom.model.errors import PolicyInvalidError
from cleanroom.policy.document import Mark

MAX_PROBLEMS = 50
_SHOWN = 40
START = Mark(line=1, column=1)


class Problems:
    """An ordered list of problems of one file; the only mutable thing of a parse."""

    def __init__(self, file: str) -> None:
        """Start without problems; `file` opens each line."""
        self.file = file
        self._found: list[tuple[Mark, str]] = []

    def __bool__(self) -> bool:
        """Whether anything is wrong so far."""
        return bool(self._found)

    def __len__(self) -> int:
        """How many problems there are so far."""
        return len(self._found)

    def add(self, mark: Mark, path: str, message: str) -> None:
        """Note that `path` at `mark` is wrong; `message` says what was found and what to write."""
        self._found.append((mark, f"{path}: {message}"))

    def refuse(self, mark: Mark, path: str, message: str) -> NoReturn:
        """Note a problem after which nothing can be read; raise PolicyInvalidError with all."""
        self.add(mark, path, message)
        raise self._error()

    def raise_if_any(self) -> None:
        """Raise PolicyInvalidError with the first MAX_PROBLEMS problems in order of the file."""
        if self._found:
            raise self._error()

    def _error(self) -> PolicyInvalidError:
        found = sorted(self._found, key=lambda item: item[0])
        lines = [f"{self.file}:{m.line}:{m.column}: {text}" for m, text in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            lines.append(f"{self.file}: and {len(found) - MAX_PROBLEMS} more problems")
        return PolicyInvalidError(problems=tuple(lines))


def shown(text: str) -> str:
    """Return `text` quoted, short, and with unprintable characters escaped."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def stranger(text: str) -> str:
    """Return a remark on the first character of `text` outside ASCII, or nothing.

    Letters of other scripts look like Latin ones, so the reader is told its code point.
    """
    for char in text:
        if not char.isascii():
            return f", which holds {code_point(char)}"
    return ""


def code_point(char: str) -> str:
    """Return `U+0430 CYRILLIC SMALL LETTER A`."""
    return f"U+{ord(char):04X} {unicodedata.name(char, 'without a name')}"
