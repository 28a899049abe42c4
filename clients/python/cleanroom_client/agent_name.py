"""The name by which an agent is told from others of its party; knows no service.

A name is kept in a small file beside the keystore, and held by a lock that dies with the process:
an agent that starts after one was killed has its name, and so goes on with its task at once,
while agents that run side by side have different ones.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_NAME_BYTES = 16
_NAME = re.compile(rb"[0-9a-f]{%d}" % (2 * _NAME_BYTES))


@contextmanager
def agent_name(keystore: Path, entropy: Callable[[int], bytes]) -> Iterator[str]:
    """Hold a name that no other agent of this keystore holds, until the block ends.

    Where no file can be kept or locked the name is new each time.
    """
    try:
        descriptor = _first_free(keystore)
    except (ImportError, OSError):  # no such locks on Windows; a folder that is not written to
        yield entropy(_NAME_BYTES).hex()
        return
    try:
        yield _name_in(descriptor, entropy)
    finally:
        os.close(descriptor)


def _first_free(keystore: Path) -> int:
    import fcntl  # noqa: PLC0415 - absent on Windows

    for number in count():
        path = keystore.with_suffix(f".agent-{number}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        else:
            return descriptor
    raise AssertionError("unreachable")


def _name_in(descriptor: int, entropy: Callable[[int], bytes]) -> str:
    found = os.pread(descriptor, 2 * _NAME_BYTES + 1, 0)
    if not _NAME.fullmatch(found):  # new, or torn by a crash
        found = entropy(_NAME_BYTES).hex().encode()
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, found, 0)
    # A keystore may be copied to another machine with this file beside it.
    return hashlib.sha256(found + b"\0" + platform.node().encode()).hexdigest()[: 2 * _NAME_BYTES]
