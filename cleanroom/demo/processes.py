"""Other programs run to their end, one or several at once, and the server beside them.

Must not know what the commands mean. Every command is the real one, in a process of its own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_TIMEOUT_S = 900.0
_START_S, _STOP_S = 60.0, 30.0
_READY = "cleanroom serving on "

SERVICE, CLIENT = "cleanroom", "cleanroom-client"
_MODULES = {SERVICE: "cleanroom", CLIENT: "cleanroom_client"}


class StepFailed(Exception):
    """A command did not do what the demo needs; holds the command and what it printed."""

    def __init__(self, command: Sequence[str], why: str, output: str) -> None:
        """Keep all three."""
        super().__init__(why)
        self.command, self.why, self.output = tuple(command), why, output

    def __str__(self) -> str:
        """Return the command, what was wrong, and its output."""
        return f"$ {shown(self.command)}\n{self.why}\n{self.output}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str


def shown(command: Sequence[str]) -> str:
    """Return a command as one would type it."""
    return " ".join(f"'{part}'" if " " in part else part for part in command)


def typed(command: Sequence[str]) -> tuple[str, ...]:
    """Return a command that works from here: with the program's path where it is installed."""
    program, *arguments = command
    script = Path(sys.executable).with_name(program)
    return (os.path.relpath(script) if script.is_file() else program, *arguments)


def run(command: Sequence[str]) -> str:
    """Run a command such as ("cleanroom", "fsck", …); return stdout. Raises StepFailed."""
    return run_all([command])[0]


def run_all(commands: Sequence[Sequence[str]]) -> list[str]:
    """Run commands side by side; return their stdouts in order. Raises StepFailed for the first."""
    results = finish_all(commands)
    for finished in results:
        if finished.code != 0:
            raise StepFailed(
                finished.command, f"ended with {finished.code}", finished.err + finished.out
            )
    return [finished.out for finished in results]


def run_in_turns(commands: Sequence[Sequence[str]]) -> list[str]:
    """Do as `run_all`, but no more at once than there are processors."""
    at_once = os.cpu_count() or 1
    turns = (commands[i : i + at_once] for i in range(0, len(commands), at_once))
    return [out for turn in turns for out in run_all(turn)]


def finish_all(commands: Sequence[Sequence[str]]) -> list[Finished]:
    """Run commands side by side and say how each ended; raises StepFailed where one hangs."""
    with ExitStack() as stack:
        started = [stack.enter_context(_Process(command)) for command in commands]
        return [process.finish() for process in started]


class _Process:
    """A running command; killed on the way out if it has not ended."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        # Files rather than pipes: nobody reads while the others are waited for.
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `__exit__`
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - the same
        self._process = _start(command, self._out, self._err)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._out.close()
        self._err.close()

    def finish(self) -> Finished:
        try:
            code = self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            why = f"did not end within {_TIMEOUT_S:.0f} s"
            raise StepFailed(self._command, why, _text(self._err)) from None
        return Finished(
            command=self._command, code=code, out=_text(self._out), err=_text(self._err)
        )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _start(command: Sequence[str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
    program, *arguments = command
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return subprocess.Popen(  # noqa: S603 - our own programs and arguments, no shell
        [sys.executable, "-m", _MODULES[program], *arguments],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env={**os.environ, "PYTHONPATH": path},
        # Ctrl-C is for the demo alone, which then ends what it started.
        start_new_session=True,
    )


class Server:
    """`cleanroom serve` in a process of its own; a context manager that drains it at the end."""

    def __init__(self, config: Path, logs: Path) -> None:
        """Nothing is started yet; what the server prints goes to `logs`, a folder."""
        self._command = (SERVICE, "serve", "--config", str(config))
        self._out, self._log = logs / "server.out", logs / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        """Start, and return when calls are taken; raises StepFailed."""
        with self._out.open("wb") as out, self._log.open("wb") as err:
            self._process = _start(self._command, out, err)
        try:
            self.address = self._wait_until_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ask it to drain; kill it if it does not end."""
        self._stop()

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> str:
        """Look for the line that names the address, a quarter of a second at a time."""
        for _ in range(int(_START_S * 4)):
            line = self._out.read_text(encoding="utf-8")
            if line.startswith(_READY) and line.endswith("\n"):
                return line.removeprefix(_READY).strip()
            try:
                process.wait(0.25)
                why = "the server ended"
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            why = f"the server took no calls within {_START_S:.0f} s"
        raise StepFailed(self._command, why, self._log.read_text(encoding="utf-8"))


def free_address() -> str:
    """Return an address on loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"
