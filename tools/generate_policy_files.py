"""Write what is made of the policy grammar, or prove it fresh: schema, purposes, README's tables.

Run with the interpreter of the development environment: `python tools/generate_policy_files.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cleanroom.policy.key_tables import case_tables, key_tables
from cleanroom.policy.purposes_file import purposes_text
from cleanroom.policy.schema import schema_text

POLICIES = Path(__file__).resolve().parent.parent / "policies"
TABLES = {"keys": key_tables, "cases": case_tables}


def files() -> dict[Path, str]:
    """Return the text of each file as it must be."""
    readme = POLICIES / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, tables in TABLES.items():
        begin, end = f"<!-- {name}: made by `make policy-files` -->\n", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{tables()}\n{end}{rest.partition(end)[2]}"
    return {
        POLICIES / "schema.json": schema_text(),
        POLICIES / "purposes.yaml": purposes_text(),
        readme: text,
    }


def stale() -> list[str]:
    """Return the names of files that are missing or different."""
    return [
        path.name
        for path, text in files().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Return 0 if the files are fresh or have been made so, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    if not parser.parse_args().check:
        for path, text in files().items():
            path.write_text(text, encoding="utf-8")
    old = stale()
    for name in old:
        print(f"policies/{name} is stale: run `make policy-files`", file=sys.stderr)
    if not old:
        print("policies: the schema, the purposes and the tables of keys are fresh")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
