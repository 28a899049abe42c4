"""The native kernel and which of its paths runs here; knows no lists, keys' owners or files.

The kernel is an optional extension: a machine without a C compiler does without, on Python's own
arithmetic and `cryptography`. All paths give the same bytes. `CLEANROOM_KERNEL` chooses one:
`auto` (the fastest here), `avx512ifma`, `avx2`, `portable`, `plain` (portable without the
instructions that few processors have), or `python` for none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

try:
    from cleanroom_client.blinding import _kernel
except ImportError:  # not built: no compiler, or a source tree that was never installed
    _kernel = None  # type: ignore[assignment]

VARIABLE = "CLEANROOM_KERNEL"
AUTO, PYTHON = "auto", "python"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One path of the kernel, on packed arrays of 32-byte items; releases the interpreter lock."""

    path: str

    def find_bad(self, points: ReadableBuffer) -> int:
        """Return the position of the first point that must not be blinded, or -1."""
        return _kernel.find_bad(points)

    def multiply(self, points: ReadableBuffer, scalar: ReadableBuffer) -> bytes:
        """Return each point raised to the scalar: X25519 (RFC 7748, section 5), bit for bit.

        The sequence of instructions and addresses does not depend on the scalar.
        Raises ValueError for a point that `find_bad` finds.
        """
        return _kernel.multiply(self.path, points, scalar)

    def hash_to_curve(self, identities: ReadableBuffer, dst: bytes) -> bytes:
        """Return what `curve25519.hash_to_curve_x_many` gives, for packed items of 32 bytes.

        Raises ValueError for a part of an item, and for a tag that is empty or over 255 bytes.
        """
        return _kernel.hash_to_curve(self.path, identities, dst)

    def hash_to_curve_many(
        self, data: ReadableBuffer, offsets: ReadableBuffer, dst: bytes
    ) -> bytes:
        """Return what `curve25519.hash_to_curve_x_many` gives, for messages of any lengths.

        Message i of n is `data[offsets[i] : offsets[i + 1]]`. `offsets` are n + 1 packed int64 in
        the machine's byte order (Arrow's large_binary layout), which need not start at 0.
        Raises ValueError for no offset, for one that falls or lies outside the data, and for a tag
        that is empty or over 255 bytes.
        """
        return _kernel.hash_to_curve_many(self.path, data, offsets, dst)


def available() -> tuple[str, ...]:
    """Return the names that `CLEANROOM_KERNEL` may have here, the fastest first."""
    return (*(_kernel.paths() if _kernel is not None else ()), PYTHON)


def chosen() -> Kernel | None:
    """Return the kernel to use, or None for Python's path.

    Raises ValueError, in one sentence, where `CLEANROOM_KERNEL` names what is not here.
    """
    return named(os.environ.get(VARIABLE, AUTO))


@lru_cache
def named(name: str) -> Kernel | None:
    """Return one path by name, as `chosen` does; raises ValueError."""
    names = available()
    if name not in (AUTO, *names):
        known = ", ".join((AUTO, *names))
        raise ValueError(f"the blinding path '{name}' cannot run here: use one of {known}")
    path = names[0] if name == AUTO else name
    return None if path == PYTHON else Kernel(path)
