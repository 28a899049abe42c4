"""Starts real servers quickly: imports everything once, then forks a process for each start.

`python -m support.server_forks` reads one JSON object a line and answers with one:
{"start": {"config", "out", "err", "patches"}} -> {"pid"}, {"reap": pid} -> {"code"}.
A fork runs `cleanroom serve` as the command line does. gRPC is imported, yet not started, before
a fork: it does not survive one. `patches` are {"module:NAME": value}, to make limits small.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from typing import Any

from cleanroom.cli.app import main

_PR_SET_PDEATHSIG = 1
# What a server imports at its start, and at its first upload and question.
_SERVER = (
    "cleanroom.cli.serve",
    "cleanroom.wiring.logs",
    "cleanroom.wiring.serve",
    "pandas",
    "pyarrow.pandas_compat",
    "sqlalchemy.dialects.sqlite",
    "duckdb.func",
    "ibis.backends.duckdb",
    "ibis.backends.sql.compilers",
)


def start(order: dict[str, Any]) -> int:
    """Fork a server; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # never outlives the tests
        _redirect(order)
        for name, value in order["patches"].items():
            module, _, attribute = name.partition(":")
            setattr(importlib.import_module(module), attribute, value)
        main(["serve", "--config", order["config"]])
    except SystemExit as ended:
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 0)
    finally:
        os._exit(70)


def _redirect(order: dict[str, Any]) -> None:
    for descriptor, path in ((1, order["out"]), (2, order["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def serve_orders() -> None:
    """Obey until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            answer = {"pid": start(order["start"])}
        else:
            _, status = os.waitpid(order["reap"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    for imported in _SERVER:
        importlib.import_module(imported)
    print("{}", flush=True)
    serve_orders()
