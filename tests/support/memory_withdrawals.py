"""The part of the second Store that keeps withdrawals, on the state of memory_store.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Withdrawal
from cleanroom.storage.errors import StoreMisused


class MemoryWithdrawals:
    def __init__(self, state: Any) -> None:
        self.s = state

    def add(self, withdrawal: Withdrawal) -> None:
        key = withdrawal.owner, withdrawal.request_id
        if key in self.s.withdrawals:
            raise StoreMisused("a duplicate")
        self.s.withdrawals[key] = withdrawal

    def by_request(self, owner: str, request_id: str) -> Withdrawal | None:
        return self.s.withdrawals.get((owner, request_id))

    def of_dataset(self, dataset: DatasetName) -> tuple[Withdrawal, ...]:
        return tuple(w for w in self.s.withdrawals.values() if w.dataset == dataset)

    def mark(self, dataset: DatasetName, marks: Iterable[bytes], at_s: int) -> None:
        self.s.marks |= {(dataset, mark): at_s for mark in marks}

    def marks(self, dataset: DatasetName) -> Mapping[bytes, int]:
        return {mark: at_s for (of, mark), at_s in self.s.marks.items() if of == dataset}

    def put_people(self, version: str, people: Mapping[int, int]) -> None:
        for person, at_s in people.items():
            self.s.people.setdefault((version, person), at_s)

    def people(self, version: str) -> Mapping[int, int]:
        return {person: at_s for (of, person), at_s in self.s.people.items() if of == version}

    def forget_people(self, version: str) -> None:
        self.s.people = {key: at_s for key, at_s in self.s.people.items() if key[0] != version}
