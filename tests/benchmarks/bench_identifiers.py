"""Times columns of match keys and lists of HMACs on every path, in one run.

Usage: bench_identifiers.py [values, default 200000]
Figures are nanoseconds of this thread's processor time a value, the least of a few rounds.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time

import pyarrow as pa

from cleanroom_client.digests import VARIABLE, available, hmac_items
from cleanroom_client.digests.text_hmacs import hmac_texts
from cleanroom_client.identifiers import KeyColumn, identities

ROUNDS = 5
PARSED = 3_000  # phones that `phonenumbers` has to read
PREFIX = b"cleanroom/v1 hmac token\0spring\0email\0"


def columns(n: int) -> dict[str, tuple[KeyColumn, list[str]]]:
    names = [secrets.token_hex(5) for _ in range(n)]
    domains = ("Gmail.COM", "Example.org")
    messy = [f"  Ann.{x.upper()}+x{i % 7}@{domains[i % 2]} \r\n" for i, x in enumerate(names)]
    national = [
        f"8 (9{10 + i % 90}) {100 + i % 900}-{10 + i // 90}-{i % 90:02d}" for i in range(PARSED)
    ]
    return {
        "clean e-mails": (KeyColumn.EMAIL, [f"{x}.lee@example.com" for x in names]),
        "messy e-mails": (KeyColumn.EMAIL, messy),
        "e-mails beyond ASCII": (
            KeyColumn.EMAIL,
            [f"\u00e4{x}@example.com" for x in names[: n // 10]],
        ),
        "phones in E.164": (KeyColumn.PHONE, [f"+79{100_000_000 + i}" for i in range(n)]),
        "national phones": (KeyColumn.PHONE, national),
        "sha256 in hex": (
            KeyColumn.EMAIL_SHA256,
            [hashlib.sha256(x.encode()).hexdigest() for x in names],
        ),
        "loyalty ids": (KeyColumn.LOYALTY_ID, names),
    }


def least(work, items: int) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
    return min(times) / items * 1e9


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    items = secrets.token_bytes(32 * n)
    print(f"{'ns a value':<22}" + "".join(f"{path:>10}" for path in available()))
    for name, (kind, texts) in columns(n).items():
        column = pa.array(texts)
        tell(name, lambda c=column, k=kind: identities(k, c, "RU"), len(texts))
    tell("HMAC of 32 bytes", lambda: hmac_items(b"k" * 32, PREFIX, items), n)
    persons = pa.array([f"person-{i}" for i in range(n)])
    tell("HMAC of texts", lambda: hmac_texts(b"k" * 32, PREFIX, persons, size=16), n)


def tell(name: str, work, items: int) -> None:
    figures = []
    for path in available():
        os.environ[VARIABLE] = path
        figures.append(least(work, items))
    print(f"{name:<22}" + "".join(f"{figure:>10.0f}" for figure in figures))


if __name__ == "__main__":
    main()
