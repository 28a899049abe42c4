"""Generate `cleanroom/v1` from `proto/cleanroom/v1`, or prove it fresh; knows nothing of what it says.

Run with the interpreter of the development environment: `python tools/generate_protos.py`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("cleanroom/v1")


def protos() -> list[str]:
    """Return the protos' paths as they import each other, sorted."""
    found = sorted((ROOT / "proto" / PACKAGE).glob("*.proto"))
    return [path.relative_to(ROOT / "proto").as_posix() for path in found]


def generate(out: Path) -> None:
    """Write messages, services and their stubs below `out`; raise CalledProcessError if refused."""
    plugins = Path(sys.executable).parent  # not resolved: a virtual environment links its Python
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}"]
    command += [f"--plugin={name}={plugins / name}" for name in _PLUGINS]
    command += [f"--{kind}_out={out}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    subprocess.run([*command, *protos()], check=True, capture_output=True, text=True)


_PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


def contents(root: Path) -> dict[str, bytes]:
    """Return the generated files below `root` by name."""
    paths = (p for ending in ("py", "pyi") for p in (root / PACKAGE).glob(f"*_pb2*.{ending}"))
    return {path.name: path.read_bytes() for path in paths}


def stale(fresh: dict[str, bytes], committed: dict[str, bytes]) -> list[str]:
    """Return the names of files that are missing, left over or different."""
    names = fresh.keys() | committed.keys()
    return sorted(name for name in names if fresh.get(name) != committed.get(name))


def replace(fresh: dict[str, bytes]) -> None:
    """Make the committed files those of `fresh`, dropping what no proto makes any more."""
    for name in contents(ROOT).keys() - fresh.keys():
        (ROOT / PACKAGE / name).unlink()
    for name, data in fresh.items():
        (ROOT / PACKAGE / name).write_bytes(data)


def main() -> int:
    """Return 0 if the generated code is fresh or has been made so, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        try:
            generate(Path(scratch))
        except subprocess.CalledProcessError as refused:
            print(refused.stderr, file=sys.stderr, end="")
            return 1
        fresh = contents(Path(scratch))
    names = stale(fresh, contents(ROOT))
    if check and names:
        print(f"stale in {PACKAGE}: {', '.join(names)}; run `make protos`", file=sys.stderr)
        return 1
    if not check:
        replace(fresh)
    print(f"{PACKAGE}: {len(fresh)} generated files are fresh")
    return 0


if __name__ == "__main__":
    sys.exit(main())
