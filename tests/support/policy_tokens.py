"""Policy files changed at random places, as bytes and as words: what a parser meets."""

from __future__ import annotations

import re
from random import Random

HOSTILE = (
    b"&a ", b"*a", b"!!int ", b"\t", b"{", b"]", b": ", b"- ", b"? ", b"|\n", b'"\\x', b"'", b"<<: ",
    b"%", b"---\n", b"1e9", b"\xff", b"\xc2\x85", b"\n", b"~", b"\x00", b"#", b",", b"0x", b"NO",
    "\u0430".encode(), "\u202e".encode(),
)  # fmt: skip
_TOKEN = re.compile(rb"[a-z0-9_.-]+|[{}\[\],:\n]| +|.", re.IGNORECASE)
_WORDS = (
    b"match_rate", b"segment_size", b"sales_lift", b"measurement", b"research", b"psi", b"hmac",
    b"sha256", b"never", b"other", b"city", b"email", b"phone", b"minor", b"count", b"rows", b"people",
    b"epsilon", b"delta", b"most", b"days", b"true", b"[]", b"{}",
)  # fmt: skip
_NUMBERS = (
    b"0",
    b"1",
    b"2",
    b"20",
    b"49",
    b"100",
    b"1000",
    b"0.25",
    b"3",
    b"5",
    b"1e-5",
    b"1e-9",
    b"-1",
)


def byte_mutant(data: bytes, dice: Random) -> bytes:
    """Replace, remove, repeat or put in some bytes, once to four times."""
    found = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randint(0, len(found))
        end = min(len(found), at + dice.randint(0, 12))
        put = dice.choice(
            (dice.choice(HOSTILE), dice.randbytes(dice.randint(0, 6)), bytes(found[end : end + 9]))
        )
        found[at:end] = put
    return bytes(found)


def token_mutant(data: bytes, dice: Random) -> bytes:
    """Change one or two words, numbers or lines: most of these are policies still."""
    tokens = _TOKEN.findall(data)
    for _ in range(dice.randint(1, 2)):
        at = dice.randrange(len(tokens))
        number = re.fullmatch(rb"[0-9.e-]+", tokens[at]) is not None
        match dice.randint(0, 5 if number else 3):
            case 0:
                tokens[at] = dice.choice(_WORDS)
            case 1:
                del tokens[at : at + dice.randint(1, 3)]
            case 2:
                other = dice.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens = _without_a_line(tokens, dice)
            case _:
                tokens[at] = dice.choice(_NUMBERS)
        if not tokens:
            return b""
    return b"".join(tokens)


def _without_a_line(tokens: list[bytes], dice: Random) -> list[bytes]:
    lines = b"".join(tokens).split(b"\n")
    del lines[dice.randrange(len(lines))]
    return _TOKEN.findall(b"\n".join(lines))


def gentle_mutant(data: bytes, dice: Random) -> bytes:
    """Change one number, or take one thing out of a list or a line out of the file."""
    match dice.randint(0, 3):
        case 0 | 1:
            found = list(re.finditer(rb"(?<=[ :])(?:[0-9]+|[0-9.]+|[0-9]e-[0-9])(?=[,}\n ])", data))
            put = dice.choice(_NUMBERS)
        case 2:
            found = list(re.finditer(rb"(?<=[\[ ])[a-z_-]+, |, [a-z_-]+(?=\])", data))
            put = b""
        case _:
            found = list(re.finditer(rb"(?m)^ .*\n", data))
            put = b""
    if not found:
        return data
    chosen = dice.choice(found)
    return data[: chosen.start()] + put + data[chosen.end() :]
