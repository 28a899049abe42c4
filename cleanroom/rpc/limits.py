"""Rate limits and the pace at which answers leave; must not know what is asked."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cleanroom.model.errors import TooManyRequests


@dataclass(slots=True, kw_only=True)
class TokenBuckets:
    """One token bucket for each caller; `monotonic` gives seconds."""

    per_second: float
    burst: int
    monotonic: Callable[[], float]
    _levels: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, caller: str) -> None:
        """Take one token; raises TooManyRequests with the seconds after which there is one."""
        with self._lock:
            now = self.monotonic()
            level, at = self._levels.get(caller, (float(self.burst), now))
            level = min(self.burst, level + (now - at) * self.per_second)
            if level < 1:
                wait = math.ceil((1 - level) / self.per_second)
                raise TooManyRequests(party=caller, retry_after_s=wait)
            self._levels[caller] = (level - 1, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Lets answers leave only at multiples of a quantum after the call came.

    The time to sample noise depends on the noise, and the time to compute on the data; at a
    quantum above both, the time of an answer tells neither.
    """

    quantum_s: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def hold(self, came_at: float) -> None:
        """Sleep until the next multiple of the quantum after `came_at`."""
        if self.quantum_s <= 0:
            return
        elapsed = self.monotonic() - came_at
        self.sleep(self.quantum_s * math.ceil(elapsed / self.quantum_s) - elapsed)
