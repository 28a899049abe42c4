"""The tables of keys in policies/README.md, made of the grammar; must not know how files are read."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.family import Family
from cleanroom.policy.case_keys import CASES
from cleanroom.policy.grammar import Block, Decimal, Key, Listed, Named, Spec, Whole, walk
from cleanroom.policy.keys import POLICY

_HEAD = ("| key | meaning | example | absent |", "|---|---|---|---|")


def key_tables() -> str:
    """Return the tables of a policy's keys, as Markdown."""
    return _tables(POLICY, "Top level")


def case_tables() -> str:
    """Return the tables of the keys of a file of cases, as Markdown."""
    return _tables(CASES, "A file of cases")


def _tables(spec: Block, title: str) -> str:
    """Return a table of the top level and one for each mapping below it."""
    top = (_row(key.name, key) for key in spec.keys)
    parts = [f"### {title}", "", *_HEAD, *top]
    for key in spec.keys:
        rows = tuple(_rows(key.spec))
        if rows:
            parts += ["", f"### `{_section(key)}`", "", *_HEAD, *rows]
    return "\n".join(parts) + "\n"


def _section(key: Key) -> str:
    match key.spec:
        case Named(what=what):
            return f"{key.name}.<{what}>"
        case Listed():
            return f"{key.name}[]"
        case _:
            return key.name


def _rows(spec: Spec) -> Iterator[str]:
    inside = spec.each if isinstance(spec, Named | Listed) else spec
    for path, key in walk(inside):
        yield _row(path, key)


def _row(path: str, key: Key) -> str:
    leaf = path.rpartition(".")[2]
    name = Family.SALES_LIFT if leaf.startswith("<") else leaf
    example = f"{name}: {key.example}"
    cells = (f"`{path}`", key.says + _range(key.spec), f"`{example}`", key.absent)
    return f"| {' | '.join(cells)} |"


def _range(spec: Spec) -> str:
    """Return which numbers may stand there, if numbers do."""
    match spec:
        case Whole(least=least, most=most):
            return f"; {least:,} to {most:,}"
        case Decimal(most=most, below=below):
            number = f"{most.numerator:,}" if most.denominator == 1 else str(float(most))
            return f"; above 0 and {'below' if below else 'at most'} {number}"
        case _:
            return ""
