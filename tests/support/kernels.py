"""Points, messages and builds for the tests of the blinding kernel."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import struct
import subprocess
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from cleanroom_client.blinding.curve25519 import P
from cleanroom_client.blinding.kernel import PYTHON, available

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "clients/python/cleanroom_client/blinding/native"
VECTORS = ROOT / "../shared/data/vectors"
DRIVERS = ROOT / "tests/vectors"
PATHS = tuple(p for p in available() if p != PYTHON)

needs_kernel = pytest.mark.skipif(
    not PATHS, reason="the native kernel is not built: there was no C compiler"
)
native = pytest.mark.parametrize("path", PATHS)

_SANITIZERS = (
    *("-Og", "-g", "-fPIC", "-fsanitize=address,undefined"),
    "-fno-sanitize-recover=all",
)


def point(u: int) -> bytes:
    return u.to_bytes(32, "little")


def random_points(n: int) -> list[bytes]:
    return [point(2 + secrets.randbelow(P - 4)) for _ in range(n)]


def split(packed: bytes) -> list[bytes]:
    return [packed[at : at + 32] for at in range(0, len(packed), 32)]


def packed_offsets(messages: Sequence[bytes], start: int = 0) -> bytes:
    """Return the n + 1 int64 of messages that follow each other from `start` on."""
    ends = [start]
    for message in messages:
        ends.append(ends[-1] + len(message))
    return struct.pack(f"={len(ends)}q", *ends)


def public_vectors(name: str):
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"public vectors {name} are not beside this repository")
    return json.loads(path.read_text())


def sanitizer_compiler() -> tuple[str, str]:
    """Return gcc and its AddressSanitizer library; skips where they are not installed."""
    compiler = shutil.which("gcc")
    if compiler:
        command = [compiler, "-print-file-name=libasan.so"]
        library = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if Path(library).is_absolute():
            return compiler, library
    return pytest.skip("gcc with its sanitizers is not installed")


def compile_sanitized(folder: Path, sources: Iterable[Path], *options: str) -> list[Path]:
    """Compile each source with the sanitizers, `folder` being new; returns the objects."""
    compiler, _ = sanitizer_compiler()
    folder.mkdir()
    headers = (f"-I{NATIVE}", f"-I{sysconfig.get_path('include')}")
    jobs = []
    for source in sources:
        built = folder / f"{source.stem}.o"
        command = [compiler, *_SANITIZERS, *options, *headers, "-c", str(source), "-o", str(built)]
        jobs.append((built, subprocess.Popen(command)))
    assert [job.wait() for _, job in jobs] == [0] * len(jobs)
    return [built for built, _ in jobs]


def link_sanitized(built: Path, objects: Iterable[Path], *options: str) -> Path:
    compiler, _ = sanitizer_compiler()
    command = [compiler, "-fsanitize=address,undefined", *options, "-o", built, *objects]
    subprocess.run(command, check=True)
    return built


def run_sanitized(
    command: Sequence[object], data: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run with `data` on standard input, without a check for leaks: Python has some."""
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"} | variables,
        input=data,
        timeout=120,
        capture_output=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")
    )
