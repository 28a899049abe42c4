"""Reads strict YAML 1.2 into nodes that keep their text and position; knows no policy grammar.

The one door to ruamel.yaml. Only its parser is used: scalars keep their text, because an epsilon
of 0.1 must not pass through a float, and `NO` must stay a string.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cleanroom.model.errors import PolicyInvalidError
from cleanroom.policy.document import Mark
from cleanroom.policy.problems import START, Problems, code_point, shown

MAX_BYTES = 2**20
MAX_DEPTH = 8  # the grammar needs 5
MAX_NODES = 20_000
_YAML = "yaml"  # the path of problems that belong to no key

_LOOK = "write brackets, braces and quotes in pairs, and a space after a colon"

# YAML 1.2.2, section 10.3.2 (core schema)
_NULL = re.compile(r"|~|null|Null|NULL")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class Kind(StrEnum):
    """What a scalar is under the core schema."""

    NULL = "nothing"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value as written; `plain` is False when it stood in quotes or in a block."""

    text: str
    plain: bool
    mark: Mark

    @property
    def kind(self) -> Kind:
        """What the text means in YAML 1.2, where `yes`, `NO` and `12:30` are text."""
        if not self.plain:
            return Kind.TEXT
        patterns = (_NULL, _BOOLEAN, _INTEGER, _NUMBER)
        kinds = zip(Kind, patterns, strict=False)  # TEXT is what no pattern claims
        return next((kind for kind, p in kinds if p.fullmatch(self.text)), Kind.TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A mapping with its keys in the order of the file, each once."""

    entries: tuple[tuple[Scalar, Node], ...]
    mark: Mark


Node: TypeAlias = Scalar | Items | Table


def decode(data: bytes, problems: Problems) -> str:
    """Return the text of a policy file; raise PolicyInvalidError if its bytes may mislead.

    Refused are: more than 1 MiB, a byte-order mark, anything but UTF-8, tabs, other control
    characters, and characters that are invisible or change the direction of text.
    """
    if len(data) > MAX_BYTES:
        problems.refuse(START, _YAML, f"found {len(data)} bytes: write at most {MAX_BYTES}")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        problems.refuse(START, _YAML, "found a byte-order mark: save the file as UTF-8 without it")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        found = f"found the byte 0x{data[error.start]:02x}"
        problems.refuse(_mark_at(before), _YAML, f"{found}: save the file as UTF-8")
    _refuse_misleading(text, problems)
    return text


def read(text: str, problems: Problems) -> Node:
    """Return the one document of `text`; notes what is not strict and reads on.

    Raises PolicyInvalidError where the text is no YAML at all or has no single document.
    """
    builder = _Builder(problems)
    try:
        node = builder.document(YAML(typ="safe", pure=True).parse(text))
    except PolicyInvalidError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = START if mark is None else Mark(line=mark.line + 1, column=mark.column + 1)
        problems.refuse(where, _YAML, f"not YAML 1.2: {error.problem}: {_LOOK}")
    except Exception as error:  # noqa: BLE001 - ruamel leaks: "\UFFFFFFFF" overflows
        problems.refuse(
            builder.last, _YAML, f"not YAML 1.2 after here: {type(error).__name__}: {_LOOK}"
        )
    if node is None:
        problems.refuse(START, _YAML, "found an empty file: write a policy")
    return node


def _mark_at(before: str) -> Mark:
    return Mark(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))


def _refuse_misleading(text: str, problems: Problems) -> None:
    for char in sorted(set(text)):
        at = text.find(char)
        if char == "\t":
            problems.add(_mark_at(text[:at]), _YAML, "found a tab: write spaces")
        elif char == "\r":
            bare = re.search(r"\r(?!\n)", text)
            if bare:
                where = _mark_at(text[: bare.start()])
                problems.add(where, _YAML, "found a bare carriage return: write line feeds")
        elif char not in "\n " and unicodedata.category(char)[0] in "CZ":
            # Such as U+2028, a line end to some readers only, or U+202E, which turns text round.
            message = f"found {code_point(char)}: write visible characters and plain spaces"
            problems.add(_mark_at(text[:at]), _YAML, message)
    problems.raise_if_any()


class _Builder:
    """Turns parser events into nodes and notes what strict YAML leaves out."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._nodes = 0
        self.last = START

    def document(self, events: Iterator[Any]) -> Node | None:
        """Return the first document's node, or None when there is none."""
        node: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event, "found a second document: write one file for each policy")
                    break
                if event.version is not None or event.tags:
                    self._note(event, "found a % directive: leave it out, the file is YAML 1.2")
            elif isinstance(
                event, (ScalarEvent, SequenceStartEvent, MappingStartEvent, AliasEvent)
            ):
                node = self._node(event, events, 1)
        return node

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        self._admit(event, depth)
        mark = self.last = _mark_of(event)
        if isinstance(event, SequenceStartEvent):
            return Items(items=tuple(self._items(events, depth)), mark=mark)
        if isinstance(event, MappingStartEvent):
            return Table(entries=tuple(self._entries(events, depth)), mark=mark)
        if isinstance(event, AliasEvent):
            return Scalar(text="", plain=True, mark=mark)
        return Scalar(text=event.value, plain=event.style is None, mark=mark)

    def _items(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self._node(event, events, depth + 1)

    def _entries(self, events: Iterator[Any], depth: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, Mark] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                return
            key = self._node(event, events, depth + 1)
            value = self._node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self._problems.add(key.mark, _YAML, "found a list or mapping as key: write a name")
            elif key.kind is not Kind.TEXT:
                message = f"found {shown(key.text)} ({key.kind}) as key: write a name"
                self._problems.add(key.mark, _YAML, message)
            elif key.text in seen:
                first = f"already on line {seen[key.text].line}"
                message = f"found the key {shown(key.text)} again, {first}: write each key once"
                self._problems.add(key.mark, _YAML, message)
            else:
                seen[key.text] = key.mark
                yield key, _at_key(key, value)

    def _admit(self, event: Any, depth: int) -> None:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_NODES} values"
            message = f"found more than {limit}: write fewer, no policy needs that"
            self._problems.refuse(_mark_of(event), _YAML, message)
        if isinstance(event, AliasEvent):
            self._note(event, f"found the alias *{event.anchor}: write the value itself")
        elif event.anchor is not None:
            self._note(event, f"found the anchor &{event.anchor}: leave it out")
        if getattr(event, "tag", None) is not None:
            self._note(event, f"found the tag {shown(str(event.tag))}: leave it out")

    def _note(self, event: Any, message: str) -> None:
        self._problems.add(_mark_of(event), _YAML, message)


def _mark_of(event: Any) -> Mark:
    return Mark(line=event.start_mark.line + 1, column=event.start_mark.column + 1)


def _at_key(key: Scalar, value: Node) -> Node:
    # The parser places a missing value after the line's end; its key is where a reader looks.
    if isinstance(value, Scalar) and value.kind is Kind.NULL and not value.text:
        return Scalar(text="", plain=True, mark=key.mark)
    return value
