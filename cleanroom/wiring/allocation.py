"""How the C library keeps freed memory; must not know what it is used for."""

from __future__ import annotations

import ctypes
from typing import Final

# <malloc.h> of glibc: names of mallopt's parameters.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MESSAGE_BYTES: Final = 8 << 20  # above the largest message, with what surrounds it
_KEPT_BYTES: Final = 64 << 20  # at the end of a heap


def keep_freed_messages() -> None:
    """Let memory of messages be used again, instead of returned and asked for with each of them.

    A page that is new to the process costs a fault and 4 KiB of zeros: for chunks of 1 MiB that
    takes longer than to check and encrypt them. Larger blocks still come and go by themselves.
    Does nothing with another C library than glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _MESSAGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
