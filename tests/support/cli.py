"""The two command lines as a user runs them: processes with an exit code and two streams.

Must not know what a command means. `Terminal` runs commands, several at once where asked;
`serving` keeps `cleanroom serve` running beside them.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_ROOT = Path(__file__).parents[2]
_PATH = os.pathsep.join(map(str, (_ROOT, _ROOT / "clients" / "python", _ROOT / "tests")))
_MODULES = {"cleanroom": "cleanroom", "cleanroom-client": "cleanroom_client"}
_READY = b"cleanroom serving on "
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a command ended; `max_rss_kib` is the most memory it held, in KiB."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str
    max_rss_kib: int = 0

    @property
    def sentence(self) -> str:
        """The one sentence of a command that failed; an AssertionError where it said anything else.

        Its line, with the indented ones under it that prove a refusal. Neither a traceback, nor a line of gRPC's, nor half an answer on stdout.
        """
        told = f"{' '.join(self.command)}\n-> {self.code}\n{self.err}{self.out}"
        assert self.code in {1, 2}, told
        remarks = ("request id ", "note: ")
        lines = [line for line in self.err.splitlines() if not line.startswith(remarks)]
        assert [line for line in lines if not line.startswith("  ")] == lines[:1], told
        assert self.out == "", told
        for noise in ("Traceback", "StatusCode", "E0000", "grpc", "<_", "Errno"):
            assert noise not in self.err, told
        return "\n".join(lines)

    def ok(self) -> str:
        """Return stdout of a command that did what it was asked; an AssertionError otherwise."""
        assert self.code == 0, f"{' '.join(self.command)}\n-> {self.code}\n{self.err}{self.out}"
        return self.out


def says(result: Result, words: Sequence[str]) -> None:
    """Check that a command failed with one sentence that has all these words."""
    sentence = result.sentence
    assert [word for word in words if word not in sentence] == [], sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program with its arguments, and what it finds around it."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class Terminal:
    """Runs command lines in `folder`; a context manager that ends the process they come from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scratch = tempfile.TemporaryDirectory()

    def __enter__(self) -> Self:
        self._host = subprocess.Popen(
            [sys.executable, "-m", "support.cli_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._host.stdin.close()
        self._host.wait(TIMEOUT_S)
        self._host.stdout.close()
        self._scratch.cleanup()

    def run(self, *words: object, env: Mapping[str, str] | None = None) -> Result:
        """Run one command, as in run("cleanroom-client", "--profile", path, "accept")."""
        command = Command(words=tuple(map(str, words)), env=env or {})
        return self.run_all([command])[0]

    def run_all(self, commands: Sequence[Command]) -> list[Result]:
        """Run commands side by side and wait for all of them."""
        files = [self._files() for _ in commands]
        asked = [self._asked(c, *pair) for c, pair in zip(commands, files, strict=True)]
        self._host.stdin.write(json.dumps({"commands": asked, "timeout_s": TIMEOUT_S}) + "\n")
        self._host.stdin.flush()
        ended = json.loads(self._host.stdout.readline())
        return [
            Result(command=c.words, out=out.read_text(), err=err.read_text(), **how)
            for c, (out, err), how in zip(commands, files, ended, strict=True)
        ]

    def _asked(self, command: Command, out: Path, err: Path) -> dict[str, object]:
        return {
            "module": _MODULES[command.words[0]],
            "arguments": command.words[1:],
            "env": dict(command.env),
            "folder": str(self._folder),
            "out": str(out),
            "err": str(err),
        }

    def _files(self) -> tuple[Path, Path]:
        pair = []
        for _ in range(2):
            number, name = tempfile.mkstemp(dir=self._scratch.name)
            os.close(number)
            pair.append(Path(name))
        return pair[0], pair[1]


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLEANROOM_", "GRPC_"))}
    return {**kept, "PYTHONPATH": _PATH, "PYTHONUNBUFFERED": "1"}


@contextmanager
def serving(config: Path) -> Iterator[subprocess.Popen]:
    """Keep `cleanroom serve` running from when it takes calls; its log is beside `config`."""
    with (config.parent / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cleanroom", "serve", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(),
        )
        try:
            assert process.stdout.readline().startswith(_READY), "the server did not start"
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=TIMEOUT_S)


def free_address() -> str:
    """Return an address on loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"
