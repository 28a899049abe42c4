"""Typed reading of one node at one path: each kind of value the grammar knows, and its problem.

Must not know which keys a policy has. A reader that finds something else notes the problem and
returns a stand-in of the right type, so that reading goes on and finds the next problem; the
caller refuses the file as a whole in the end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column, check_label
from cleanroom.policy.document import Mark
from cleanroom.policy.problems import Problems, shown, stranger
from cleanroom.policy.words import value_trouble
from cleanroom.policy.yaml_reader import Items, Kind, Node, Scalar, Table

MAX_ENTRIES = 100
MAX_DIGITS = 40
MAX_EXPONENT = 30
DAY_S = 86_400
_EPOCH = date(1970, 1, 1)
_YEARS = range(2000, 2200)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE]([-+]?[0-9]+))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What YAML 1.1 took for something else; the file's writer may have meant that.
_OLD_BOOLEAN = re.compile(r"(?i:y|n|yes|no|on|off)")
_OLD_NUMBER = re.compile(r"[0-9]+(?::[0-5]?[0-9])+|[0-9]+(?:_[0-9]+)+")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The node at `path`, None when the key is absent; absent ones read as stand-ins, silently."""

    node: Node | None
    path: str
    mark: Mark
    problems: Problems
    marks: dict[str, Mark]

    @property
    def present(self) -> bool:
        """Whether the file has this key."""
        return self.node is not None

    @property
    def empty(self) -> bool:
        """Whether an empty list stands here."""
        return isinstance(self.node, Items) and not self.node.items

    def bad(self, message: str) -> None:
        """Note a problem where the value stands."""
        mark = self.node.mark if self.node else self.mark
        self.problems.add(mark, self.path or "policy", message)

    def expect(self, wanted: str) -> None:
        """Note that something else than `wanted` was found; silent when nothing is there."""
        if self.node is not None:
            self.bad(f"found {describe(self.node)}: write {wanted}")

    def table(self, *required: str, optional: tuple[str, ...] = ()) -> dict[str, Field]:
        """Return a field for each key of the grammar; notes unknown and missing keys."""
        known = (*required, *optional)
        found = {key.text: (key, node) for key, node in self._entries(", ".join(known))}
        for name, (key, _) in found.items():
            if name not in known:
                self._unknown(key, known)
        for name in required:
            if name not in found and isinstance(self.node, Table):
                self.problems.add(self.mark, self.path or "policy", f"add the key {name!r}")
        return {name: self._child(name, *found.get(name, (None, None))) for name in known}

    def named(self, what: str) -> Iterator[tuple[str, Field]]:
        """Yield (name, field) for each entry of a mapping whose keys the policy chooses."""
        entries = self._entries(f"a name for each {what}")
        if len(entries) > MAX_ENTRIES:
            self.bad(f"found {len(entries)} entries: write at most {MAX_ENTRIES}")
            return
        for key, node in entries:
            yield key.text, self._child(key.text, key, node)

    def items(self, what: str, most: int) -> tuple[Field, ...]:
        """Return the elements of a list of `what`; notes a list that is longer than `most`."""
        if not isinstance(self.node, Items):
            self.expect(f"a list of {what}, as in [first, second]")
            return ()
        if len(self.node.items) > most:
            self.bad(f"found {len(self.node.items)} {what}: write at most {most}")
            return ()
        return tuple(self._item(i, node) for i, node in enumerate(self.node.items))

    def text(self, wanted: str) -> str:
        """Return a text; numbers, booleans and nothing are not texts."""
        if isinstance(self.node, Scalar) and self.node.kind is Kind.TEXT:
            return self.node.text
        self.expect(wanted)
        return ""

    def label(self, what: str) -> str:
        """Return a name such as `acme-brand`."""
        return self._name(self.text(f"the {what}'s name"), what)

    def column(self, what: str) -> str:
        """Return a column name such as `basket_size`."""
        text = self.text(f"the {what}'s name")
        return self.checked_column(text) if text else "unnamed"

    def checked_label(self, name: str, what: str) -> str:
        """Return `name`, a key of this mapping entry, if it is a label."""
        return self._name(name, what, at_key=True)

    def checked_column(self, name: str, *, at_key: bool = False) -> str:
        """Return `name` if it can name a column."""
        try:
            return check_column(name, "name")
        except FieldInvalid as error:
            self._misnamed(name, error, at_key=at_key)
            return "unnamed"

    def integer(self, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        wanted = f"a whole number from {least} to {most}"
        plain = self.node.text if isinstance(self.node, Scalar) and self.node.plain else ""
        if _INTEGER.fullmatch(plain) and least <= int(plain) <= most:
            return int(plain)
        self.expect(wanted)
        return least

    def exact(self, wanted: str, most: Fraction, *, below: bool = False) -> Fraction:
        """Return a decimal number in (0, most], or (0, most) if `below`, without any rounding."""
        if isinstance(self.node, Scalar) and self.node.plain:
            value = _fraction(self.node.text)
            if value is not None and 0 < value <= most and not (below and value == most):
                return value
        self.expect(wanted)
        return most / 2

    def boolean(self) -> bool:
        """Return true or false."""
        if isinstance(self.node, Scalar) and self.node.kind is Kind.BOOLEAN:
            return self.node.text.lower() == "true"
        self.expect("true or false")
        return False

    def choice(self, values: Collection[E]) -> E:
        """Return the member named; `values` must not be empty."""
        names = {str(v): v for v in values}
        text = self.word(tuple(names))
        return names[text]

    def choices(self, values: tuple[E, ...], what: str) -> tuple[E, ...]:
        """Return the members named in a list of `what`, each once, in the order of the file."""
        names = {str(v): v for v in values}
        return tuple(names[word] for word in self.words(tuple(names), what))

    def words(self, words: tuple[str, ...], what: str) -> tuple[str, ...]:
        """Return those of `words` that a list of `what` names, each once, as they stand."""
        found: dict[str, None] = {}
        for item in self.items(what, len(words)):
            word = item.word(words)
            if word in found and isinstance(item.node, Scalar) and item.node.text == word:
                item.bad(f"found {word} again: write each once")
            found[word] = None
        return tuple(found)

    def word(self, words: tuple[str, ...]) -> str:
        """Return the one of `words` that stands here."""
        wanted = words[0] if len(words) == 1 else f"one of {', '.join(words)}"
        text = self.text(wanted)
        if text in words:
            return text
        if isinstance(self.node, Scalar) and self.node.kind is Kind.TEXT:
            self.expect(wanted + _suggestion(text, words))
        return words[0]

    def day(self) -> int:
        """Return the unix time of the start of a UTC day written as YYYY-MM-DD."""
        wanted = "a date as in 2026-03-01"
        text = self.text(wanted)
        try:
            day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or day.year not in _YEARS:
            if isinstance(self.node, Scalar) and self.node.kind is Kind.TEXT:
                self.expect(f"{wanted}, which exists and is in {_YEARS[0]}-{_YEARS[-1]}")
            return 0
        return (day - _EPOCH).days * DAY_S

    def value(self) -> str:
        """Return one value of a domain: a short printable text."""
        plain = isinstance(self.node, Scalar) and self.node.kind is not Kind.NULL
        text = self.text("it in quotes" if plain else "a text")
        trouble = value_trouble(text)
        if trouble and isinstance(self.node, Scalar) and self.node.kind is Kind.TEXT:
            self.bad(f"found {shown(text)}{stranger(text)}: {trouble}")
        return text

    def _entries(self, wanted: str) -> tuple[tuple[Scalar, Node], ...]:
        if isinstance(self.node, Table):
            return self.node.entries
        self.expect(f"a mapping with {wanted}")
        return ()

    def _child(self, name: str, key: Scalar | None, node: Node | None) -> Field:
        path = f"{self.path}.{name}" if self.path else name
        mark = key.mark if key else self.mark
        if key:
            self.marks[path] = mark
        return Field(node=node, path=path, mark=mark, problems=self.problems, marks=self.marks)

    def _item(self, index: int, node: Node) -> Field:
        path = f"{self.path}[{index}]"
        self.marks[path] = node.mark
        return Field(node=node, path=path, mark=node.mark, problems=self.problems, marks=self.marks)

    def _unknown(self, key: Scalar, known: tuple[str, ...]) -> None:
        hint = _suggestion(key.text, known)
        found = f"found the unknown key {shown(key.text)}{stranger(key.text)}"
        message = f"{found}: write {', '.join(known)}{hint}"
        self.problems.add(key.mark, self.path or "policy", message)

    def _name(self, text: str, what: str, *, at_key: bool = False) -> str:
        try:
            return check_label(text, what)
        except FieldInvalid as error:
            if text or at_key:
                self._misnamed(text, error, at_key=at_key)
            return "unnamed"

    def _misnamed(self, text: str, error: FieldInvalid, *, at_key: bool) -> None:
        message = f"found the name {shown(text)}{stranger(text)}: write {error.expected}"
        if at_key:
            parent = self.path[: len(self.path) - len(text)].rstrip(".")
            self.problems.add(self.mark, parent, message)
        else:
            self.bad(message)


def describe(node: Node) -> str:
    """Return what a node is in the words of its writer, with what YAML 1.1 made of it."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Items):
        return "a list" if node.items else "an empty list"
    match node.kind:
        case Kind.NULL:
            return "nothing"
        case Kind.BOOLEAN | Kind.INTEGER | Kind.NUMBER:
            return f"the {node.kind} {shown(node.text)[1:-1]}"
        case Kind.TEXT:
            return f"the text {shown(node.text)}{_old_meaning(node)}{stranger(node.text)}"


def _old_meaning(node: Scalar) -> str:
    if not node.plain:
        return " in quotes"
    if _OLD_BOOLEAN.fullmatch(node.text):
        return " (a boolean in YAML 1.1 only)"
    if _OLD_NUMBER.fullmatch(node.text):
        return " (a number in YAML 1.1 only)"
    return ""


def _fraction(text: str) -> Fraction | None:
    match = _DECIMAL.fullmatch(text)
    # The exponent is bounded before any power of ten is computed.
    if match is None or len(text) > MAX_DIGITS or abs(int(match[1] or 0)) > MAX_EXPONENT:
        return None
    return Fraction(text)


def _suggestion(text: str, words: tuple[str, ...]) -> str:
    close = get_close_matches(text, words, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
