"""Rate limits and the pace at which answers leave; must not know what is asked."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@dataclass(slots=True, kw_only=True)
class Streams:
    """At most so many streams of each caller at once, and so many calls of any other long kind.

    Each holds a thread of the server for as long as its caller, or the work, likes, so that without
    a limit one caller could hold them all.
    """

    per_caller: int
    _open: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def held(self, caller: str, kind: str = "streams") -> Iterator[None]:
        """Count one of the caller's; raises TooManyRequests when it has as many already."""
        counted = caller, kind
        with self._lock:
            if self._open[counted] >= self.per_caller:
                raise TooManyRequests(party=caller, retry_after_s=1)
            self._open[counted] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[counted] -= 1
                self._open += Counter()  # drops callers without streams


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
