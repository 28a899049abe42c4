"""Which small parts a set of unions gives away by addition and subtraction; exact linear algebra.

Must not know what the parts are. A part is a class of atoms (values, or stretches of time) that no
asked union tells apart; each union is a row of zeros and ones over the parts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

A = TypeVar("A", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated(Generic[A]):
    """A part that no union is, and the unions (by position) that give it away together."""

    atoms: tuple[A, ...]
    unions: tuple[int, ...]


def isolated(unions: Sequence[frozenset[A]]) -> tuple[Isolated[A], ...]:
    """Return every part that is a linear combination of `unions` but none of them."""
    parts = _parts(unions)
    rows = [[Fraction(part[0] in union) for part in parts] for union in unions]
    asked = set(unions)
    found = []
    for position, weights in _single_rows(rows):
        if frozenset(parts[position]) not in asked:
            used = tuple(i for i, weight in enumerate(weights) if weight)
            found.append(Isolated(atoms=parts[position], unions=used))
    return tuple(found)


def _parts(unions: Sequence[frozenset[A]]) -> list[tuple[A, ...]]:
    """Return the classes of atoms that stand in the same unions, in order of appearance."""
    signatures: dict[A, tuple[int, ...]] = {}
    for number, union in enumerate(unions):
        for atom in sorted(union, key=repr):
            signatures[atom] = (*signatures.get(atom, ()), number)
    classes: dict[tuple[int, ...], list[A]] = {}
    for atom, signature in signatures.items():
        classes.setdefault(signature, []).append(atom)
    return [tuple(atoms) for atoms in classes.values()]


def _single_rows(
    rows: Sequence[Sequence[Fraction]],
) -> list[tuple[int, Sequence[Fraction]]]:
    """Return (column, weights of the rows) for each unit vector in the row space.

    In reduced row echelon form a unit vector of the row space is itself a row: what any
    combination has at the pivots are its weights.
    """
    width = len(rows[0]) if rows else 0
    size = len(rows)
    work = [[*row, *(Fraction(i == j) for j in range(size))] for i, row in enumerate(rows)]
    pivots: list[int] = []
    for column in range(width):
        at = next((r for r in range(len(pivots), size) if work[r][column]), None)
        if at is None:
            continue
        top = len(pivots)
        work[top], work[at] = work[at], work[top]
        _clear(work, top, column)
        pivots.append(column)
    return [
        (pivot, work[row][width:])
        for row, pivot in enumerate(pivots)
        if sum(1 for value in work[row][:width] if value) == 1
    ]


def _clear(work: list[list[Fraction]], top: int, column: int) -> None:
    lead = work[top][column]
    work[top] = [value / lead for value in work[top]]
    for row, values in enumerate(work):
        factor = values[column]
        if row != top and factor:
            work[row] = [v - factor * t for v, t in zip(values, work[top], strict=True)]
