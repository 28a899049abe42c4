"""Which texts may be values of a domain; must not know where they stand."""

from __future__ import annotations

import re
import unicodedata

MAX_VALUE = 64
_WORD = re.compile(r"[^\W\d_]+")
# Scripts whose letters are drawn alike: "ufа" with a Cyrillic а is another value than "ufa".
_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def value_trouble(text: str) -> str | None:
    """Return what is wrong with `text` as a value, as advice, or None."""
    if not text or text != text.strip():
        return "write a text without spaces around it"
    if len(text) > MAX_VALUE:
        return f"write at most {MAX_VALUE} characters"
    if not text.isprintable():
        return "write printable characters on one line"
    if unicodedata.normalize("NFC", text) != text:
        return "write it in Unicode's composed form (NFC)"
    if any(len(_scripts(word) & _ALIKE) > 1 for word in _WORD.findall(text)):
        return "write each word in one script"
    return None


def _scripts(word: str) -> frozenset[str]:
    return frozenset(unicodedata.name(char, "?").split()[0] for char in word)
