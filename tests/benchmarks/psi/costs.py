"""What commands cost: wall, processor seconds, memory. Linux only; must not know what they do."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

_TICKS = os.sysconf("SC_CLK_TCK")
_START_S, _STOP_S = 60.0, 30.0


class CommandFailed(Exception):
    """A command ended with an error, or did not start; holds the end of what it printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds on the clock; processor seconds of all processes; bytes of the largest one.

    `busy_s` are the processor seconds that the machine gave to anybody meanwhile.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    busy_s: float

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of one after the other."""
        return Cost(
            wall_s=self.wall_s + other.wall_s,
            cpu_s=self.cpu_s + other.cpu_s,
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            busy_s=self.busy_s + other.busy_s,
        )

    @property
    def others(self) -> float:
        """The share of the machine that other programs took, 0 to 1: wall times suffer from it."""
        there_was_s = self.wall_s * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (self.busy_s - self.cpu_s) / there_was_s))


NOTHING = Cost(wall_s=0, cpu_s=0, peak_bytes=0, busy_s=0)


def side_by_side(
    commands: Sequence[Sequence[str]], environment: dict[str, str]
) -> tuple[Cost, list[str]]:
    """Run commands at once to their ends; return their cost and outputs. Raises CommandFailed.

    The kernel counts a command's own children with it. It also counts this process's memory, of
    which a command begins as a copy: whoever calls stays small.
    """
    began, busy_s = time.monotonic(), _busy_s()
    with ExitStack() as stack:
        running = [stack.enter_context(_Command(command, environment)) for command in commands]
        usages = [command.wait() for command in running]
        wall_s, busy_s = time.monotonic() - began, _busy_s() - busy_s
        outputs = [command.output() for command in running]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    peak = max(usage.ru_maxrss for usage in usages) * 1024
    return Cost(wall_s=wall_s, cpu_s=cpu_s, peak_bytes=peak, busy_s=busy_s), outputs


def _busy_s() -> float:
    """Return the processor seconds not idle since the machine started, see proc_stat(5).

    Those that the machine's host gave to other machines count as well.
    """
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    user, nice, system, _idle, _wait, irq, softirq, steal, *_guests = map(int, first.split()[1:])
    return (user + nice + system + irq + softirq + steal) / _TICKS


class _Command:
    """A running command; killed on the way out if it has not ended."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        # Files rather than pipes: nobody reads while the others are waited for.
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `__exit__`
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - the same
        self._process = _start(command, environment, self._out, self._err)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._err.close()

    def wait(self):
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return usage

    def output(self) -> str:
        if self._process.returncode:
            tail = (_text(self._err) + _text(self._out))[-2000:]
            raise CommandFailed(f"{self._process.args}: {self._process.returncode}\n{tail}")
        return _text(self._out)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _start(
    command: Sequence[str], environment: dict[str, str], out: IO[bytes], err: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=environment,
    )


class Background:
    """A server in a process of its own while others work; a context manager that ends it.

    Requires that it stays one process: children of its own would not be counted.
    """

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, ready: str, logs: Path
    ) -> None:
        """Nothing is started yet; `ready` is how the line begins that says calls are taken."""
        self._command, self._environment, self._ready = command, environment, ready
        self._out, self._err = logs / "server.out", logs / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start, and return when it is ready; raises CommandFailed."""
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = _start(self._command, self._environment, out, err)
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to end; kill it if it does not."""
        self._stop()

    def cpu_s(self) -> float:
        """Return the processor seconds it has used so far."""
        stat = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()  # from field 3 on, see proc_pid_stat(5)
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_bytes(self) -> int:
        """Return the most memory it has held."""
        status = Path(f"/proc/{self._pid}/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + _START_S
        while not self._out.read_text().startswith(self._ready):
            if process.poll() is not None or time.monotonic() > until:
                raise CommandFailed(f"the server did not start\n{self._err.read_text()[-2000:]}")
            time.sleep(0.1)
