"""A service whose store and vault stop dead at the n-th durable step of a story.

A step is a committed transaction, a writing call of the vault, or the keeping of a run. At each there are two points:
just before it becomes durable (in a transaction: after its work, so that a rollback is due), and
just after, when the caller has not been told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cleanroom.usecases.service import Service

WRITES = frozenset({"put_blob", "put_blobs", "put_version", "erase_upload", "erase_version"})


class Crash(BaseException):
    """The process is gone; not an Exception, so that no story handles it."""


@dataclass
class Failpoints:
    """Counts points; stops at the deadly one, 0 for never, and at every later one too."""

    deadly: int = 0
    passed: int = 0

    def reach(self) -> None:
        self.passed += 1
        if self.deadly and self.passed >= self.deadly:
            raise Crash

    def on(self, service: Service) -> Service:
        """Return the service with points in its store and vault."""
        return replace(
            service,
            store=_Store(service.store, self),
            vault=_Vault(service.vault, self),
        )


class _Store:
    def __init__(self, store: Any, points: Failpoints) -> None:
        self._store, self._points = store, points

    def transact(self, work: Any) -> Any:
        def worked(tx: Any) -> Any:
            result = work(tx)
            self._points.reach()
            return result

        done = self._store.transact(worked)
        self._points.reach()
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Vault:
    def __init__(self, vault: Any, points: Failpoints) -> None:
        self._vault, self._points = vault, points

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._vault, name)
        if name == "begin_run":
            return lambda *args: _Run(method(*args), self._points)
        return self._writing(method) if name in WRITES else method

    def _writing(self, method: Any) -> Any:
        def call(*args: Any) -> Any:
            self._points.reach()
            done = method(*args)
            self._points.reach()
            return done

        return call


class _Run:
    def __init__(self, run: Any, points: Failpoints) -> None:
        self._run, self._points = run, points

    def keep(self, name: str) -> None:
        self._points.reach()
        self._run.keep(name)
        self._points.reach()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)
