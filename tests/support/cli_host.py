"""Runs command lines as processes, each forked from one that has imported the slow libraries.

Owns processes; must not know what the commands mean. Every command is `python -m MODULE …` to the
letter: nothing of the product, nor gRPC, is imported before the fork, so that what the product
sets up before its imports counts. Reads one JSON request a line, answers with one.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
import time
from typing import NoReturn

_POLL_S = 0.01
_SLOW = (
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.x509",
    "google.protobuf.json_format",
    "numpy",
    "pandas",
    "phonenumbers",
    "pyarrow.parquet",
    "pydantic",
    "rich.progress",
    "rich.table",
    "ruamel.yaml",
    "sqlalchemy",
    "typer",
)


def main() -> None:
    """Serve requests until stdin ends."""
    _warm()
    for line in sys.stdin:
        request = json.loads(line)
        running = {_forked(command): command for command in request["commands"]}
        ended = _ended(set(running), time.monotonic() + request["timeout_s"])
        answers = [ended[pid] for pid in running]
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


def _warm() -> None:
    for name in _SLOW:
        importlib.import_module(name)


def _ended(pids: set[int], until: float) -> dict[int, dict[str, int]]:
    """Return how each ended; whatever is left at `until` is killed."""
    ended: dict[int, dict[str, int]] = {}
    while pids - set(ended):
        for pid in pids - set(ended):
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                ended[pid] = {"code": code, "max_rss_kib": usage.ru_maxrss}
            elif time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S)
    return ended


def _forked(command: dict) -> int:
    pid = os.fork()
    if not pid:
        _become(command)
    return pid


def _become(command: dict) -> NoReturn:
    code = 70
    try:
        os.setsid()
        for path, number in ((os.devnull, 0), (command["out"], 1), (command["err"], 2)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
        os.chdir(command["folder"])
        os.environ.update(command["env"])
        sys.argv[1:] = command["arguments"]
        runpy.run_module(command["module"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:  # noqa: BLE001 - as the interpreter ends a program
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


if __name__ == "__main__":
    main()
