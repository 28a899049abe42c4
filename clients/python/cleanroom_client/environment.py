"""Time and entropy as one argument, so that nothing here reads the real ones by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cleanroom_client.blinding.secret import Entropy


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The clock of the calendar, a clock that never jumps (seconds), a pause, and entropy."""

    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    sleep_s: Callable[[float], None]
    entropy: Entropy

    def new_request_id(self) -> str:
        """Return a fresh request id: 32 hex digits."""
        return self.entropy(16).hex()
