"""How fast each part of blinding is on this machine; knows no terminal.

All figures of a report are taken in one run, beside `cryptography`'s X25519, because a shared
machine's speed drifts: ratios within a report hold, absolute times hardly do.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.curve25519 import hash_to_curve_x_many
from cleanroom_client.blinding.kernel import PYTHON, Kernel
from cleanroom_client.blinding.lists import domain_tag
from cleanroom_client.blinding.secret import BlindingKey
from cleanroom_client.identifiers import KeyType, identities

_ITEM_BYTES = 32
_REFERENCE_ITEMS = 5_000
_SHORT_ROUNDS = 5
_TAG = domain_tag("bench", KeyType.EMAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Nanoseconds of wall time an item.

    One product; one hash to the curve; both; an e-mail's normalisation with SHA-256; own e-mails
    from text to token, which is all three; and `cryptography`'s product.
    """

    path: str
    threads: int
    scalar_mult_ns: float
    hash_to_curve_ns: float
    blind_ns: float
    normalise_ns: float
    own_ns: float
    cryptography_x25519_ns: float


def measure(kernel: Kernel | None, *, n: int, threads: int) -> Timing:
    """Time `n` random items on `threads` threads; the reference runs in a loop on one."""
    secret = secrets.token_bytes(_ITEM_BYTES)
    emails = pa.array(_emails(n))
    multiply, hash_items = _kernel_work(kernel, secret) if kernel else _python_work(secret)
    packed = _normalise(emails)
    points = hash_items(packed)

    def both(part: bytes) -> bytes:
        return multiply(hash_items(part))

    return Timing(
        path=kernel.path if kernel else PYTHON,
        threads=threads,
        scalar_mult_ns=_per_item(multiply, _parts(points, threads), n),
        hash_to_curve_ns=_per_item(hash_items, _parts(packed, threads), n),
        blind_ns=_per_item(both, _parts(packed, threads), n),
        normalise_ns=_normalising(emails, threads),
        own_ns=_per_item(lambda part: both(_normalise(part)), _slices(emails, threads), n),
        cryptography_x25519_ns=_reference(secret, _split(points)[:_REFERENCE_ITEMS]),
    )


def _emails(n: int) -> list[str]:
    """Return different addresses as lists have them: in any case, with spaces, some at Gmail."""
    forms = (
        "{}@example.com",
        " Ann.{}@Example.ORG",
        "{}.lee+shop@gmail.com ",
        "{}@mail.example.net",
    )
    return [forms[i % len(forms)].format(secrets.token_hex(6)) for i in range(n)]


def _normalising(emails: pa.Array, threads: int) -> float:
    """Return the least of a few rounds: one is as short as the start of its threads."""
    parts = _slices(emails, threads)
    return min(_per_item(_normalise, parts, len(emails)) for _ in range(_SHORT_ROUNDS))


def _normalise(emails: pa.Array) -> bytes:
    found, _ = identities(KeyType.EMAIL, emails, None)
    return bytes(found.buffers()[1])


T = TypeVar("T")
Work = Callable[[bytes], bytes]


def _kernel_work(kernel: Kernel, secret: bytes) -> tuple[Work, Work]:
    return (
        lambda points: kernel.multiply(points, secret),
        lambda identities: kernel.hash_to_curve(identities, _TAG),
    )


def _python_work(secret: bytes) -> tuple[Work, Work]:
    key = BlindingKey(secret)
    return (
        lambda points: b"".join(key.blind_one(p) for p in _split(points)),
        lambda identities: b"".join(hash_to_curve_x_many(_split(identities), _TAG)),
    )


def _parts(packed: bytes, threads: int) -> list[bytes]:
    size = -(-len(packed) // _ITEM_BYTES // threads) * _ITEM_BYTES
    return [packed[at : at + size] for at in range(0, len(packed), size)]


def _slices(texts: pa.Array, threads: int) -> list[pa.Array]:
    size = -(-len(texts) // threads)
    return [texts.slice(at, size) for at in range(0, len(texts), size)]


def _per_item(work: Callable[[T], bytes], parts: Sequence[T], n: int) -> float:
    with ThreadPoolExecutor(len(parts)) as pool:
        began = time.perf_counter()
        list(pool.map(work, parts))
        return (time.perf_counter() - began) / n * 1e9


def _reference(secret: bytes, points: Sequence[bytes]) -> float:
    key = X25519PrivateKey.from_private_bytes(secret)
    began = time.perf_counter()
    for point in points:
        key.exchange(X25519PublicKey.from_public_bytes(point))
    return (time.perf_counter() - began) / len(points) * 1e9


def _split(packed: bytes) -> list[bytes]:
    return [packed[at : at + _ITEM_BYTES] for at in range(0, len(packed), _ITEM_BYTES)]
