"""Checkpoints that were shown, remembered apart from the database; and witnesses to ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cleanroom.audit.cosignature import WitnessKey


class Remembered(Protocol):
    """The newest checkpoint that anybody was shown, and the newest that witnesses cosigned.

    Kept apart from the database, so that an older copy of the database put back is noticed.
    """

    def newest(self) -> str | None:
        """Return the newest note."""

    def witnessed(self) -> str | None:
        """Return the newest note that a witness cosigned."""

    def update(self, work: Callable[[str | None], str]) -> str:
        """Put what `work` makes of the newest note in its place; return it, durable.

        One at a time, whatever the process. When `work` raises, nothing changes.
        """

    def update_witnessed(self, work: Callable[[str | None], str]) -> str:
        """Do the same with the newest cosigned note."""


class Witness(Protocol):
    """An outsider that cosigns logs that only grow."""

    @property
    def key(self) -> WitnessKey:
        """What its cosignatures verify with."""

    def add_checkpoint(self, body: bytes) -> str:
        """Return the signature lines for a C2SP tlog-witness request; they are not verified.

        Raises WitnessRefused, WitnessUnavailable; returns or raises within seconds.
        """
