"""The kinds of values that a policy's grammar is made of; must not know YAML, nor the keys.

One description serves the parser (which keys there are and what each holds), the JSON Schema and
the tables of policies/README.md: `keys.py` and `keys_dataset.py` hold it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from cleanroom.model.family import Family

MAX_ENTRIES = 100
REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One of few words; `because` says why there are no others."""

    words: tuple[str, ...]
    because: str = ""

    def __post_init__(self) -> None:
        """Members of an enum are words like others."""
        object.__setattr__(self, "words", tuple(str(word) for word in self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A list of `words`, each at most once; `wanted` is what to write in place of an empty one."""

    what: str
    words: tuple[str, ...]
    wanted: str = ""

    def __post_init__(self) -> None:
        """Members of an enum are words like others."""
        object.__setattr__(self, "words", tuple(str(word) for word in self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name such as `acme-brand` of a `what`."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A name such as `basket_size` of a `what`."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A list of columns that the same dataset declares, each at most once."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A country's code of two capital letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day (UTC) written as YYYY-MM-DD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number from `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimal:
    """A decimal number above 0 and at most `most`, or below it; kept without rounding."""

    most: Fraction
    example: str
    below: bool = False

    @property
    def wanted(self) -> str:
        """What to write, in words."""
        most = str(float(self.most)) if self.most.denominator > 1 else str(self.most)
        limit = f"below {most}" if self.below else f"at most {most}"
        return f"a decimal number above 0 and {limit}, as in {self.example}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a domain: a short printable text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A closed list of values, each once."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A text on one line, for people; `wanted` says of what."""

    wanted: str
    most: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list of at most `most` things of one kind, at least one."""

    what: str
    each: Spec
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A mapping with these keys; `every` is what all of them are where they are the families."""

    keys: tuple[Key, ...]
    every: Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A mapping whose keys the policy chooses, each a label or, if `columns`, a column."""

    what: str
    each: Spec
    columns: bool = False
    least: int = 0


Spec: TypeAlias = (
    Word
    | Words
    | Label
    | Column
    | Columns
    | Region
    | Day
    | Flag
    | Whole
    | Decimal
    | Value
    | Values
    | Sentence
    | Listed
    | Block
    | Named
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: what it holds, what it means, an example, and what its absence means.

    `example` is YAML for the value. A key whose absence is REFUSED is required.
    """

    name: str
    spec: Spec
    says: str
    example: str
    absent: str = REFUSED

    @property
    def required(self) -> bool:
        """Whether the mapping must have the key."""
        return self.absent == REFUSED


def by_family(every: Key) -> Block:
    """Return a mapping with a key for each family of questions, all of them like `every`."""
    keys = tuple(replace(every, name=str(family)) for family in Family)
    return Block(keys=keys, every=replace(every, name="family"))


def walk(spec: Spec, path: str = "") -> Iterator[tuple[str, Key]]:
    """Yield each key below `spec` under its path, in order: `datasets.<dataset>.privacy.epsilon`.

    A name that the policy chooses stands as what it names, in angle brackets.
    """
    if isinstance(spec, Block) and spec.every:
        yield f"{path}.<{spec.every.name}>", spec.every
    elif isinstance(spec, Named):
        yield from walk(spec.each, f"{path}.<{spec.what}>")
    elif isinstance(spec, Listed):
        yield from walk(spec.each, f"{path}[]")
    elif isinstance(spec, Block):
        for key in spec.keys:
            below = f"{path}.{key.name}" if path else key.name
            yield below, key
            yield from walk(key.spec, below)
