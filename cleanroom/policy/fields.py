"""Typed reading of one node at one path: each kind of value the grammar knows, and its problem.

Must not know which keys a policy has: each field brings its part of the grammar. A reader that
finds something else notes the problem and returns a stand-in of the right type, so that reading
goes on and finds the next problem; the caller refuses the file as a whole in the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Self, TypeVar

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column, check_label
from cleanroom.policy.describing import suggestion
from cleanroom.policy.entries import UNNAMED, Entry, misnamed
from cleanroom.policy.grammar import (
    Column,
    Columns,
    Day,
    Decimal,
    Flag,
    Label,
    Listed,
    Region,
    Sentence,
    Value,
    Values,
    Whole,
    Word,
    Words,
)
from cleanroom.policy.problems import shown, stranger
from cleanroom.policy.words import value_trouble
from cleanroom.policy.yaml_reader import Kind, Scalar

MAX_DIGITS = 40
MAX_EXPONENT = 30
DAY_S = 86_400
_EPOCH = date(1970, 1, 1)
_YEARS = range(2000, 2200)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE]([-+]?[0-9]+))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REGION = re.compile(r"[A-Z]{2}")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Entry):
    """A node that is read as the kind of value that its part of the grammar names."""

    def label(self) -> str:
        """Return a name such as `acme-brand`."""
        what = self._wants(Label).what
        text = self.text(f"the {what}'s name")
        return self._checked(check_label, text) if self.is_text else UNNAMED

    def column(self) -> str:
        """Return a column name such as `basket_size`."""
        text = self.text(f"the {self._wants(Column).what}'s name")
        return self._checked(check_column, text) if self.is_text else UNNAMED

    def integer(self, at_least: int | None = None) -> int:
        """Return a whole number of the grammar's range, not below `at_least`."""
        spec = self._wants(Whole)
        least = spec.least if at_least is None else at_least
        plain = self.node.text if isinstance(self.node, Scalar) and self.node.plain else ""
        if _INTEGER.fullmatch(plain) and least <= int(plain) <= spec.most:
            return int(plain)
        self.expect(f"a whole number from {least} to {spec.most}")
        return least

    def exact(self) -> Fraction:
        """Return a decimal number of the grammar's range, without any rounding."""
        spec = self._wants(Decimal)
        if isinstance(self.node, Scalar) and self.node.plain:
            value = _fraction(self.node.text)
            inside = value is not None and 0 < value <= spec.most
            if value is not None and inside and not (spec.below and value == spec.most):
                return value
        self.expect(spec.wanted)
        return spec.most / 2

    def boolean(self) -> bool:
        """Return true or false."""
        self._wants(Flag)
        if isinstance(self.node, Scalar) and self.node.kind is Kind.BOOLEAN:
            return self.node.text.lower() == "true"
        self.expect("true or false")
        return False

    def choice(self, kind: type[E]) -> E:
        """Return the member named; the grammar's words are members of `kind`."""
        return kind(self.word())

    def choices(self, kind: type[E]) -> tuple[E, ...]:
        """Return the members named in a list, each once, in the order of the file."""
        return tuple(kind(word) for word in self.words())

    def words(self) -> tuple[str, ...]:
        """Return those of the grammar's words that a list names, each once, as they stand."""
        spec = self._wants(Words)
        if spec.wanted and self.empty:
            self.expect(spec.wanted)
        return self._listed(spec.words, spec.what)

    def columns(self, declared: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the `declared` columns that a list names, each once, as they stand."""
        return self._listed(declared, self._wants(Columns).what)

    def word(self) -> str:
        """Return the one of the grammar's words that stands here."""
        spec = self._wants(Word)
        words = spec.words
        wanted = (words[0] if len(words) == 1 else f"one of {', '.join(words)}") + spec.because
        text = self.text(wanted)
        if text in words:
            return text
        if self.is_text:
            self.expect(wanted + suggestion(text, words))
        return words[0]

    def region(self) -> str | None:
        """Return a country's code, None where none is written."""
        self._wants(Region)
        if not self.present:
            return None
        wanted = "a country code of two capital letters, as in RU (ISO 3166-1 alpha-2)"
        text = self.text(wanted)
        if self.is_text and not _REGION.fullmatch(text):
            self.bad(f"found {shown(text)}{stranger(text)}: write {wanted}")
        return text

    def day(self) -> int:
        """Return the unix time of the start of a UTC day written as YYYY-MM-DD."""
        self._wants(Day)
        wanted = "a date as in 2026-03-01"
        text = self.text(wanted)
        try:
            day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or day.year not in _YEARS:
            if self.is_text:
                self.expect(f"{wanted}, which exists and is in {_YEARS[0]}-{_YEARS[-1]}")
            return 0
        return (day - _EPOCH).days * DAY_S

    def value(self) -> str:
        """Return one value of a domain: a short printable text."""
        self._wants(Value)
        plain = isinstance(self.node, Scalar) and self.node.kind is not Kind.NULL
        text = self.text("it in quotes" if plain else "a text")
        trouble = value_trouble(text)
        if trouble and self.is_text:
            self.bad(f"found {shown(text)}{stranger(text)}: {trouble}")
        return text

    def sentence(self) -> str:
        """Return a text on one line."""
        spec = self._wants(Sentence)
        text = self.text(spec.wanted)
        if self.is_text and not (text.strip() and text.isprintable() and len(text) <= spec.most):
            self.expect(f"{spec.wanted} on one line, at most {spec.most} characters")
        return text

    def listed(self) -> tuple[Self, ...]:
        """Return the elements of a list, at least one."""
        spec = self._wants(Listed)
        if self.empty:
            self.expect(f"at least one of the {spec.what}")
        return self.items(spec.what, spec.most, spec.each)

    def values(self) -> tuple[str, ...]:
        """Return a domain's values, each once; at least one."""
        items = self.items("values", self._wants(Values).most, Value())
        if self.empty:
            self.expect("at least one value, as in [ufa, other]")
        found: dict[str, None] = {}
        for item in items:
            value = item.value()
            if value and value in found:
                item.bad(f"found {value!r} again: write each value once")
            found[value] = None
        return tuple(found) or ("?",)

    def _listed(self, words: tuple[str, ...], what: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for item in self.items(what, len(words), Word(words=words)):
            word = item.word()
            if word in found and isinstance(item.node, Scalar) and item.node.text == word:
                item.bad(f"found {word} again: write each once")
            found[word] = None
        return tuple(found)

    def _checked(self, check: Callable[[str, str], str], text: str) -> str:
        try:
            return check(text, "name")
        except FieldInvalid as error:
            self.bad(misnamed(text, error))
            return UNNAMED


def _fraction(text: str) -> Fraction | None:
    match = _DECIMAL.fullmatch(text)
    # The exponent is bounded before any power of ten is computed.
    if match is None or len(text) > MAX_DIGITS or abs(int(match[1] or 0)) > MAX_EXPONENT:
        return None
    return Fraction(text)
