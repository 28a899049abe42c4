"""Policies as plain values, written as YAML and changed in structure: what a schema speaks of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from cleanroom.policy.problems import Problems
from cleanroom.policy.yaml_reader import Items, Kind, Node, Scalar, Table, read

# What is put in place of each value: every kind, the ends of ranges, and what people confuse.
INSTEAD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 49, 101, 2**30 + 1, 10**18, -(2**30), 0.25, 0.75, 999.5, 1e9,
    "", "x", " x", "no", "Mega Mart", "mega--mart", "мегамарт", "ufа", "email", "buyers", "a" * 65,
    "2026-03-01", "2026-02-30", "1999-12-31", "2026-3-1", "psi", "sha256", "rows", "never", "RU",
    [], ["x"], ["x", "x"], ["match_rate"], ["measurement"], [1], [["x"]], {}, {"x": 1}, {"x": ["y"]},
)  # fmt: skip


def plain(node: Node) -> Any:
    """Return what a node of a file is under YAML's core schema."""
    match node:
        case Table(entries=entries):
            return {key.text: plain(value) for key, value in entries}
        case Items(items=items):
            return [plain(item) for item in items]
        case Scalar(kind=Kind.NULL):
            return None
        case Scalar(kind=Kind.BOOLEAN, text=text):
            return text.lower() == "true"
        case Scalar(kind=Kind.INTEGER, text=text):
            return int(text, 0 if text[1:2] in ("o", "x") else 10)
        case Scalar(kind=Kind.NUMBER, text=text):
            return float(text)
        case Scalar(text=text):
            return text


def load(text: str) -> Any:
    return plain(read(text, Problems("p.yaml")))


def written(value: Any) -> str:
    """Return YAML of a value: JSON is YAML 1.2."""
    return json.dumps(value, ensure_ascii=False)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value inside `value`."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, below in inside:
        yield (*path, key)
        yield from places(below, (*path, key))


def mutants(value: Any) -> Iterator[Any]:
    """Yield `value` with one thing changed: replaced, left out, doubled, renamed or added."""
    for path in places(value):
        for other in INSTEAD:
            yield _changed(value, path, lambda holder, key, o=other: holder.__setitem__(key, o))
        yield _changed(value, path, lambda holder, key: holder.pop(key))
        yield _changed(value, path, _again)
        yield _changed(value, path, _added)
    yield {**value, "x": 1}


def _changed(value: Any, path: tuple[str | int, ...], change: Any) -> Any:
    copy = deepcopy(value)
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return copy


def _again(holder: Any, key: Any) -> None:
    """Repeat an item of a list, or give a key another name."""
    if isinstance(holder, list):
        holder.append(holder[key])
    else:
        holder[f"{key}2"] = holder.pop(key)


def _added(holder: Any, key: Any) -> None:
    """Add something to what stands there."""
    if isinstance(holder[key], dict):
        holder[key]["email"] = deepcopy(next(iter(holder[key].values()), 1))
    elif isinstance(holder[key], list):
        holder[key].append("email")
    elif isinstance(holder[key], int):
        holder[key] += 1
    else:
        holder[key] = f"{holder[key]}x"
