"""The strict text encodings shared by notes, entries and receipts; must not know what they hold.

Each decoder here is the exact inverse of its encoder: text that would not be written is refused.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias

import rfc8785

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""A JSON value without fractions; integers beyond 2^53 - 1 are written as decimal text."""

# RFC 8785, section 3.2.2.3: beyond this a reader with binary64 numbers loses digits.
MAX_EXACT_INTEGER = 2**53 - 1

# More than any entry or receipt needs, and far from the interpreter's recursion limit.
MAX_DEPTH = 32

_MAX_DIGITS = 17  # of 2^53 - 1 with a sign

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard padded base64 (RFC 4648, section 4).

    Raises ValueError for anything `encode_base64` would not write, unused bits included.
    """
    data = base64.b64decode(text, validate=True)
    if encode_base64(data) != text:
        raise ValueError("base64 text has unused bits set")
    return data


def encode_base64(data: bytes) -> str:
    """Return standard padded base64."""
    return base64.b64encode(data).decode("ascii")


def decode_decimal(text: str) -> int:
    """Return a number from ASCII decimal without sign or leading zeros; else raises ValueError."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("expected a decimal number without sign or leading zeros")
    return int(text)


def plain_json(value: Json, depth: int = 0) -> Json:
    """Return a deep copy of lists, dicts, text, booleans, null and integers a reader keeps exact.

    Integers beyond 2^53 - 1 become decimal text.
    Raises ValueError for floats, other types, lone surrogates and nesting beyond `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) <= MAX_EXACT_INTEGER else str(int(value))
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, Mapping):
        return {_plain_text(key): plain_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item, depth + 1) for item in value]
    raise ValueError(f"a value of type {type(value).__name__} cannot be written")


def encode_canonical(value: Json) -> bytes:
    """Return the RFC 8785 bytes of a value; raises ValueError where `plain_json` would."""
    return rfc8785.dumps(plain_json(value))


def decode_canonical(data: bytes) -> Json:
    """Return the value of RFC 8785 bytes without fractions.

    Raises ValueError when the text is not JSON, or not the one canonical form of its value.
    """
    try:
        value: Json = json.loads(
            data.decode("utf-8"),
            parse_int=_exact_integer,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        again = _encode_ascii(value) if data.isascii() else encode_canonical(value)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    if again != data:
        # Also met by duplicate keys, spaces, other escapes, -0, and integers beyond 2^53 - 1.
        raise ValueError("the bytes are not the canonical JSON (RFC 8785) of their value")
    return value


def _encode_ascii(value: Json) -> bytes:
    """Return what `encode_canonical` does for a parsed value whose text was ASCII, much sooner.

    Where every key is ASCII, RFC 8785's order of keys (section 3.2.3) is that of code points, and
    `json` escapes text as section 3.2.2.2 has it. A value with other text, which escapes can spell
    in ASCII, comes out as other bytes than were read, and so does one that is not canonical.
    """
    _check_depth(value, 0)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.encode("utf-8")


def _check_depth(value: Json, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, depth + 1)


def _exact_integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or abs(int(text)) > MAX_EXACT_INTEGER:
        raise ValueError(
            "an integer beyond 2^53 - 1, or of too many digits, is not canonical: it stands as text"
        )
    return int(text)


def _plain_text(value: object) -> str:
    """Return a copy that is exactly `str` (an enum member loses its class) and valid UTF-8."""
    if not isinstance(value, str):
        raise ValueError("object keys must be text")  # noqa: TRY004 # the one exception this module promises
    return value.encode("utf-8").decode("utf-8")


def _refuse_number(_text: str) -> NoReturn:
    raise ValueError("a number is not an integer")
