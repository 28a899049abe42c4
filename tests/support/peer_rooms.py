"""Other makers' packages, each in a virtual environment of its own; must not know what they do.

They pin libraries that the product uses in other versions. Each is pinned with hashes in
`peers/<name>.lock`, which `uv pip compile --generate-hashes` makes from the package's name and
version, and lies in `build/`, which git ignores: installed once, then found.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

_LOCKS = Path(__file__).parent / "peers"
_ROOT = Path(__file__).resolve().parents[2]
ROOMS = _ROOT / "build" / "peers"
_INSTALL_S = 280  # below pytest's own limit, which would end the whole run


class PeerMissing(Exception):
    """The package cannot be installed here; says why in one line."""


def peer_python(name: str, rooms: Path = ROOMS) -> Path:
    """Return the interpreter of the environment of `name`, made if need be; raises PeerMissing.

    Several processes may ask at once: one installs, the others wait.
    """
    lock = _LOCKS / f"{name}.lock"
    version = sys.version_info
    digest = sha256(lock.read_bytes()).hexdigest()[:12]
    room = rooms / f"{name}-{version.major}{version.minor}-{digest}"
    rooms.mkdir(parents=True, exist_ok=True)
    with _alone(rooms / f"{room.name}.wait"):
        # The marker is written last: without it, what an interrupted run left is made anew.
        if not (room / "installed").exists():
            _install(room, lock)
            (room / "installed").touch()
    return room / "bin" / "python"


def peer_environment() -> dict[str, str]:
    """Return the environment variables for a peer's process: ours, less what shows it our code."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(room: Path, lock: Path) -> None:
    shutil.rmtree(room, ignore_errors=True)
    pip = (str(room / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps")
    quiet = ("--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--retries=1")
    _run((sys.executable, "-m", "venv", str(room)))
    _run((*pip, *quiet, "-r", str(lock)))


def _run(command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(
            command,
            env=peer_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PeerMissing(f"no answer within {_INSTALL_S} s") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        raise PeerMissing((errors or [f"{command[2]} ended with {done.returncode}"])[-1])
