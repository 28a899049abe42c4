"""Hashing to Curve25519 with Elligator 2 (RFC 9380); knows no key types, tokens or secrets.

Plain Python integers: nothing here runs in constant time, and nothing needs to. The inputs are a
party's own identifiers on its own machine; the secret scalar goes through `cryptography` only.
"""

from __future__ import annotations

from collections.abc import Sequence

from cleanroom_client.blinding.expand import expand_message_xmd_sha512

P = 2**255 - 19
J = 486662  # y^2 = x^3 + J x^2 + x, RFC 7748, section 4.1
POINT_BYTES = 32
_L = 48  # bytes per field element, RFC 9380, section 8.5
_J2 = J * J


def hash_to_field(msg: bytes, dst: bytes) -> int:
    """Return one field element for `msg` (RFC 9380, section 5.2, count = 1)."""
    return int.from_bytes(expand_message_xmd_sha512(msg, dst, _L)) % P


def map_to_curve_elligator2_x(elements: Sequence[int]) -> list[int]:
    """Return the x-coordinates Elligator 2 gives for field elements (RFC 9380, section 6.7.1).

    Z = 2. The curve has x1 = -J/d with d = 1 + 2u^2, and x2 = -x1 - J where g(x1) is no square.
    d is never 0, as -1/2 is no square modulo P, so the exceptional case does not arise.
    g(x1) = -J d (d^2 - J^2 d + J^2) / d^4 is a square exactly when its numerator is, which needs
    no division: one Jacobi symbol an element, and one inversion for them all.
    """
    denominators = [(1 + 2 * u * u) % P for u in elements]
    inverses = _invert_all(denominators)
    return [
        _choose_x(d, -J * inverse % P) for d, inverse in zip(denominators, inverses, strict=True)
    ]


def _choose_x(d: int, x1: int) -> int:
    numerator = -J * d * (d * d - _J2 * d + _J2) % P
    return x1 if jacobi(numerator, P) >= 0 else (-x1 - J) % P


def _invert_all(values: Sequence[int]) -> list[int]:
    """Return the inverses modulo P of non-zero values, with one inversion (Montgomery's trick)."""
    running, products = 1, []
    for value in values:
        products.append(running)
        running = running * value % P
    inverse = pow(running, -1, P)
    result = []
    for value, before in zip(reversed(values), reversed(products), strict=True):
        result.append(inverse * before % P)
        inverse = inverse * value % P
    result.reverse()
    return result


def jacobi(a: int, n: int) -> int:
    """Return the Jacobi symbol (a/n) for odd n > 0: 1, -1, or 0 where they share a factor.

    Five times faster in plain Python than Euler's criterion by exponentiation.
    """
    a %= n
    sign = 1
    while a:
        twos = (a & -a).bit_length() - 1
        a >>= twos
        if twos & 1 and n & 7 in (3, 5):
            sign = -sign
        if a & 3 == 3 and n & 3 == 3:  # noqa: PLR2004 - both are 3 modulo 4: reciprocity
            sign = -sign
        a, n = n % a, a
    return sign if n == 1 else 0


def hash_to_curve_x_many(msgs: Sequence[bytes], dst: bytes) -> list[bytes]:
    """Return x(Q) of each message as 32 bytes, little-endian, in order.

    Q is the point of curve25519_XMD:SHA-512_ELL2_NU_ *before* the cofactor is cleared; the RFC's
    result is P = 8 Q. Clearing is left to X25519, whose clamped scalar is k = 8 m: the product
    k Q = m P lies in the prime-order subgroup and does not depend on Q's low-order part.
    Raises ValueError for a domain tag that is empty or longer than 255 bytes.
    """
    elements = [hash_to_field(msg, dst) for msg in msgs]
    return [x.to_bytes(POINT_BYTES, "little") for x in map_to_curve_elligator2_x(elements)]


def hash_to_curve_x(msg: bytes, dst: bytes) -> bytes:
    """Return x(Q) of one message; see `hash_to_curve_x_many`."""
    return hash_to_curve_x_many([msg], dst)[0]
