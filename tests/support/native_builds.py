"""Small C programs around the blinding kernel's sources; must not know what they show."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent / "native"
NATIVE = Path(__file__).parents[2] / "clients/python/cleanroom_client/blinding/native"


def copy_with(folder: Path, before: str, after: str, *, helper: str) -> Path:
    """Return a copy of the kernel's sources in which every `before` is `after`.

    `helper` is C code put at the end of `kernel.h`. Asserts that there was something to replace.
    """
    copy = Path(shutil.copytree(NATIVE, folder / "native"))
    changed = 0
    for path in copy.glob("*.[ch]"):
        text = path.read_text()
        changed += text.count(before)
        path.write_text(text.replace(before, after))
    assert changed > 0
    header = copy / "kernel.h"
    head, end, rest = header.read_text().rpartition("#endif")
    header.write_text(f"{head}{helper}\n{end}{rest}")
    return copy


def build(
    program: str, folder: Path, *, native: Path, sources: tuple[str, ...], flags: tuple[str, ...]
) -> Path:
    """Compile `support/native/<program>.c` with those of the kernel's sources.

    Skips the test where there is no gcc, or it cannot build the program here.
    """
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("gcc is not installed")
    built = folder / program
    done = subprocess.run(
        [
            *(compiler, *flags, f"-I{native}", "-o", built),
            *(SUPPORT / f"{program}.c", *(native / name for name in sources)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"gcc cannot build {program} here: {done.stderr.splitlines()[0]}")
    return built
