"""The native digests and which of their paths runs here; knows no kinds of keys and no schemes.

They are an optional extension: a machine without a C compiler does without, on pyarrow and
hashlib. All paths give the same bytes. `CLEANROOM_DIGESTS` chooses one: `auto` (the fastest here),
`avx512`, `shani`, `avx2`, `portable`, or `python` for none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

try:
    from cleanroom_client.digests import _digests
except ImportError:  # not built: no compiler, or a source tree that was never installed
    _digests = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import pyarrow as pa

VARIABLE = "CLEANROOM_DIGESTS"
AUTO, PYTHON = "auto", "python"


@dataclass(frozen=True, slots=True)
class Digests:
    """One path of the native digests; releases the interpreter lock."""

    path: str

    def identify(self, kind: int, column: pa.Array, out: Any, status: Any) -> None:
        """Write identities into `out` (32 bytes a value), what became of each into `status` (1).

        `column` is of type string or large_string; `kind` and statuses are those of
        native/digests.h. Bytes of `out` without an identity stay. Raises ValueError for sizes.
        """
        _digests.identify(self.path, kind, *_buffers(column), out, status)

    def hmac_items(self, key: bytes, prefix: bytes, items: Any) -> bytes:
        """Return HMAC-SHA256 of `prefix` and each of the packed items (32 bytes); see `hmacs`."""
        return _digests.hmac_items(self.path, key, prefix, items)

    def hmac_texts(self, key: bytes, prefix: bytes, column: pa.Array, out: Any, there: Any) -> None:
        """Write HMAC-SHA256 of `prefix` and each text (32 bytes), and whether there is one (1).

        `column` as for `identify`. Raises ValueError for sizes.
        """
        _digests.hmac_texts(self.path, key, prefix, *_buffers(column), out, there)


def _buffers(column: pa.Array) -> tuple[Any, Any, Any, bool, int, int]:
    """Return validity, offsets, data, whether offsets have 8 bytes, and the place of the values."""
    validity, offsets, data = column.buffers()
    wide = str(column.type) == "large_string"
    return validity, offsets, data, wide, column.offset, len(column)


def available() -> tuple[str, ...]:
    """Return the names that `CLEANROOM_DIGESTS` may have here, the fastest first."""
    return (*(_digests.paths() if _digests is not None else ()), PYTHON)


def chosen() -> Digests | None:
    """Return the path to use, or None for Python's.

    Raises ValueError, in one sentence, where `CLEANROOM_DIGESTS` names what is not here.
    """
    return named(os.environ.get(VARIABLE, AUTO))


@lru_cache
def named(name: str) -> Digests | None:
    """Return one path by name, as `chosen` does; raises ValueError."""
    names = available()
    if name not in (AUTO, *names):
        known = ", ".join((AUTO, *names))
        raise ValueError(f"the digest path '{name}' cannot run here: use one of {known}")
    path = names[0] if name == AUTO else name
    return None if path == PYTHON else Digests(path)
