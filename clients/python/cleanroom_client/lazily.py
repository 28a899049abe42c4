"""Public names of a package that are fetched from their modules at first use (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def fetcher(package: str, home: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's `__getattr__`; `home` gives the module of each name."""

    def fetch(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return fetch
