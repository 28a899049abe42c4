"""One locked, in-memory DuckDB for one question; must not know what is asked.

DuckDB may read nothing but the tables put in: no file, no network, no Python variable.
"""

from __future__ import annotations

from itertools import count
from typing import Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa

_LOCKED_DOWN = (
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class Session:
    """A context in which Arrow tables are queried as Ibis expressions. Not for several threads."""

    __slots__ = ("_backend", "_numbers")

    def __init__(self, *, memory_limit: str, threads: int, spill_dir: str | None) -> None:
        """Open; without `spill_dir` nothing is written to disk and memory is a hard limit."""
        self._numbers = count()
        self._backend = ibis.duckdb.connect(
            memory_limit=memory_limit, threads=threads, temp_directory=spill_dir or ""
        )
        for statement in _LOCKED_DOWN:
            self._backend.raw_sql(statement)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget everything."""
        self._backend.disconnect()

    def table(self, arrow: pa.Table) -> ir.Table:
        """Return the Arrow table as a relation, without copying it."""
        name = f"t{next(self._numbers)}"
        # Not create_table: Ibis 12 drops a view by that name first, which DuckDB 2.0 refuses.
        self._backend.con.register(name, arrow)
        return self._backend.table(name)

    def fetch(self, relation: ir.Table) -> pa.Table:
        """Return the rows of a relation."""
        return relation.to_pyarrow()

    def computed(self, relation: ir.Table) -> ir.Table:
        """Return the same relation, computed once."""
        return self.table(self.fetch(relation))
