"""One locked, in-memory DuckDB for one question; must not know what is asked.

DuckDB may read nothing but the tables put in: no file, no network, no Python variable.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import Self

import duckdb
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

_LOCKED_DOWN = (
    "SET enable_progress_bar = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


class Session:
    """A context in which Arrow tables are queried as Ibis expressions. Not for several threads.

    Tables are numbered as they are put in and expressions are over their names and types alone,
    so that a question of the same shape is the same expression, whose SQL is kept.
    """

    __slots__ = ("_database", "_numbers")

    def __init__(self, *, memory_limit: str, threads: int, spill_dir: str | None) -> None:
        """Open; without `spill_dir` nothing is written to disk and memory is a hard limit."""
        self._numbers = count()
        self._database = duckdb.connect(
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": spill_dir or "",
            }
        )
        for statement in _LOCKED_DOWN:
            self._database.execute(statement)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget everything."""
        self._database.close()

    def table(self, arrow: pa.Table) -> ir.Table:
        """Return the Arrow table as a relation, without copying it."""
        name = f"t{next(self._numbers)}"
        self._database.register(name, arrow)
        return ibis.table({f.name: _type(f) for f in arrow.schema}, name=name)

    def fetch(self, relation: ir.Table) -> pa.Table:
        """Return the rows of a relation."""
        return self._database.sql(_sql(relation.op())).to_arrow_table()

    def computed(self, relation: ir.Table) -> ir.Table:
        """Return the same relation, computed once."""
        return self.table(self.fetch(relation))


def _type(field: pa.Field) -> dt.DataType:
    if isinstance(field.type, pa.UuidType):  # which Ibis 12 does not know from Arrow
        return dt.UUID(nullable=field.nullable)
    return dt.DataType.from_pyarrow(field.type, nullable=field.nullable)


@lru_cache(maxsize=256)
def _sql(relation: ops.Relation) -> str:
    """Return the SQL of a relation; it holds constants of the question, and no row."""
    return str(ibis.to_sql(relation.to_expr(), dialect="duckdb"))
