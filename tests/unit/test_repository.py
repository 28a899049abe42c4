"""The repository keeps its own habits: fresh generated code, a portable lock, short files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import cleanroom

ROOT = Path(cleanroom.__file__).resolve().parent.parent
GENERATED = ROOT / "cleanroom" / "v1"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def sources() -> list[Path]:
    folders = ("cleanroom", "clients/python", "tools", "tests", "policies")
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if GENERATED not in path.parents)


def long_functions(source: str) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds))
    return [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES]


def requirements(lock: str) -> list[str]:
    """One string for each pinned requirement, its continuation lines joined."""
    return lock.replace("\\\n", " ").splitlines()


def test_generated_code_is_fresh():
    command = [sys.executable, str(ROOT / "tools" / "generate_protos.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_requirement_of_the_lock_is_pinned_with_hashes():
    lines = requirements((ROOT / "requirements.lock").read_text())
    pinned = re.compile(r"[a-z0-9-]+==[\w.+!-]+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert len(lines) > 40
    assert [line for line in lines if not pinned.fullmatch(line)] == []


@pytest.mark.parametrize("name", ["requirements.lock", "package-lock.json"])
def test_a_lock_names_no_index(name: str):
    addresses = re.findall(r"https?:|file:|--index|--find-links|@ ", (ROOT / name).read_text())
    assert addresses == []


def test_the_lock_has_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(line for extra in extras for line in extra)]
    names = {re.split(r"[\[<>=]", line)[0].replace(".", "-").lower() for line in wanted}
    locked = {
        line.split("==")[0] for line in requirements((ROOT / "requirements.lock").read_text())
    }
    assert names - locked == set()


def test_the_version_is_written_alike_in_pyproject_and_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == cleanroom.__version__


def test_no_source_file_is_too_long():
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    assert len(lengths) > 10
    assert [str(p.relative_to(ROOT)) for p, n in lengths.items() if n > MAX_FILE_LINES] == []


def test_no_function_is_too_long():
    names = {str(path.relative_to(ROOT)): long_functions(path.read_text()) for path in sources()}
    assert {path: found for path, found in names.items() if found} == {}


def test_a_function_is_too_long_from_its_sixty_first_line():
    body = "    pass\n"
    assert long_functions("def f():\n" + body * (MAX_FUNCTION_LINES - 1)) == []
    assert long_functions("def f():\n" + body * MAX_FUNCTION_LINES) == ["f"]
