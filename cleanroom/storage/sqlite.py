"""The store on SQLite: connections, their settings, and transactions; must not know any record.

Everything SQLite alone understands is in this module; the repositories speak neutral SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as RawConnection
from types import MappingProxyType
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from cleanroom.ports.store import Transaction
from cleanroom.storage.errors import StoreMisused, StoreUnusable
from cleanroom.storage.tables import prepare_schema
from cleanroom.storage.transaction import SqlTransaction
from cleanroom.storage.turn import Gate, Turn

T = TypeVar("T")

# How long another process, or a commit waiting for readers to leave, is waited for.
BUSY_TIMEOUT_S: Final = 60
READERS: Final = 8

# Name -> (what is asked, what must be read back).
# A rollback journal, because the SQLite bundled with many Pythons can lose a WAL on reset (fixed
# in 3.51.3). EXTRA also syncs the folder after the journal is unlinked: without it a power cut
# could bring the journal back and roll back a commit that was already acknowledged.
PRAGMAS: Final = MappingProxyType(
    {
        "journal_mode": ("DELETE", "delete"),
        "synchronous": ("EXTRA", 3),
        "foreign_keys": ("ON", 1),
        "secure_delete": ("ON", 1),  # what is erased is overwritten, not only forgotten
    }
)


class SqlStore:
    """The `Store` port on one SQLite file; any number of threads, and other processes beside.

    Writers of this process take turns in order; writers of other processes are waited for.
    A long `read` holds up commits (rollback journal), so it should be short.
    """

    __slots__ = ("_gate", "_readers", "_turn", "_writer")

    def __init__(self, location: str | Path) -> None:
        """Open a path or a `sqlite:///path` URL, creating file and tables if there are none.

        Raises StoreUnusable for another database, an unknown schema, or a setting refused.
        """
        path = _path_of(location)
        path.touch(mode=0o600)
        self._turn, self._gate = Turn(), Gate()
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", query_only=False, connections=1)
        self._readers = _engine(path, begin="BEGIN", query_only=True, connections=READERS)
        # A crash here leaves an empty file or, in SQLite's journal, the tables half made, which
        # the next opening rolls back; either way the next start creates them.
        with _translated(), self._writer.begin() as connection:
            prepare_schema(connection)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a serializable transaction, durable on return (see ports/store.py).

        Raises StoreMisused inside another transaction of the thread, for a duplicate or for a
        reference to nothing, and whatever `work` raises.
        """
        # A crash before the journal is unlinked leaves a hot journal: the next connection, ours
        # or another process's, rolls back, and nothing of `work` happened. A crash after it
        # leaves everything, though the caller was not told: it asks again under the same id.
        with self._turn.taken(), _translated(), self._writer.connect() as connection:
            result = work(SqlTransaction(connection))
            self._commit(connection)
            return result

    def _commit(self, connection: Connection) -> None:
        with self._gate.alone():
            try:
                connection.commit()
            except BaseException:
                # SQLite keeps a transaction open whose commit it refused; closing ends it.
                connection.invalidate()
                raise

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one snapshot; raises StoreMisused when it writes."""
        if self._turn.held_here():
            raise StoreMisused("a read was begun inside a transaction of the same thread")
        with _translated(), self._gate.shared(), self._readers.connect() as connection:
            return work(SqlTransaction(connection))

    def close(self) -> None:
        """Close every connection; the store must not be used afterwards."""
        self._writer.dispose()
        self._readers.dispose()


def _path_of(location: str | Path) -> Path:
    if isinstance(location, Path) or "://" not in location:
        return Path(location)
    try:
        url = make_url(location)
    except ArgumentError:
        raise StoreUnusable("the store's URL cannot be read") from None  # it may hold a password
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise StoreUnusable("only a file of SQLite is supported: sqlite:///path/to/file")
    return Path(url.database)


def _engine(path: Path, *, begin: str, query_only: bool, connections: int) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT_S,
        # The driver must not begin transactions by itself; ours say how they begin.
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None},
        hide_parameters=True,  # a row's values must not reach an error's text
    )

    def settle(raw: RawConnection, _record: object) -> None:
        assert_pragmas(raw)
        if query_only:
            raw.execute("PRAGMA query_only = ON")

    def begin_as_told(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", settle)
    event.listen(engine, "begin", begin_as_told)
    return engine


def assert_pragmas(raw: RawConnection) -> None:
    """Set what durability rests on and read it back; raises StoreUnusable naming what failed."""
    for name, (asked, expected) in PRAGMAS.items():
        raw.execute(f"PRAGMA {name} = {asked}")
        (found,) = raw.execute(f"PRAGMA {name}").fetchone()
        if found != expected:
            raise StoreUnusable(f"SQLite did not take {name} = {asked}: it says {found}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise StoreMisused(f"the database refused a row: {error.orig}") from error
    except DBAPIError as error:
        if "readonly" in str(error.orig):
            raise StoreMisused("a write was tried in a read") from error
        raise
