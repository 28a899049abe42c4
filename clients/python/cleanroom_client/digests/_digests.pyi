from typing import Any

# Buffers are whatever has the buffer protocol; before Python 3.12 that has no name.
def identify(
    path: str,
    kind: int,
    validity: Any,
    offsets: Any,
    data: Any,
    wide: bool,
    first: int,
    n: int,
    out: Any,
    status: Any,
    /,
) -> None: ...
def hmac_items(path: str, key: bytes, prefix: bytes, items: Any, /) -> bytes: ...
def hmac_texts(
    path: str,
    key: bytes,
    prefix: bytes,
    validity: Any,
    offsets: Any,
    data: Any,
    wide: bool,
    first: int,
    n: int,
    out: Any,
    there: Any,
    /,
) -> None: ...
def paths() -> tuple[str, ...]: ...
