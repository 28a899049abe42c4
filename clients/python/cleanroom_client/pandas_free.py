"""Keeping pandas out of a process that reads files only: a third of an upload's start is pandas."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


def keep_pandas_out() -> None:
    """Let Arrow find that there is no pandas, unless it is loaded already.

    Arrow imports pandas at the first array that it makes, to know a frame when it sees one, and
    asks once in a process. Whoever wants a frame of an answer can still import it afterwards.
    Requires: this process gives no frame to Arrow.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.scalar(0)
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    """Finds that pandas is not installed."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)
        return None
