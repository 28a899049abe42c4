"""The kernel's Legendre symbols against Euler's criterion, where a binary gcd has its edges."""

from __future__ import annotations

import os
import secrets

import pytest

from cleanroom_client.blinding.curve25519 import P
from support.kernels import (
    DRIVERS,
    PATHS,
    compile_sanitized,
    link_sanitized,
    needs_kernel,
    run_sanitized,
)

MANY = 200_000 if os.environ.get("CLEANROOM_SLOW") else 6_000
TOGETHER = 32
_GOLDEN = 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95  # 2^256 / phi

pytestmark = needs_kernel


def _edges():
    """Values of all lengths, and values whose top or low bits are those of p for long."""
    values = {0, 1, 2, 3, 4, (P - 1) // 2, (P + 1) // 2, _GOLDEN >> 1, P - (_GOLDEN >> 1)}
    for bits in range(255):
        some = secrets.randbits(bits)
        values |= {1 << bits, (1 << bits) - 1, P >> bits, some, some << (255 - bits)}
        values |= {some**2 if bits < 127 else some, P - some, P ^ (some << 1), (P >> 1) ^ some}
        values.add((_GOLDEN >> 1) ^ some)
    return sorted({value % P for value in values})


def _beyond():
    """Values that are not reduced: the multiples of p, and a little more than p."""
    return [P, P + 1, P + 2, P + 18]


def _ratios():
    """Values with p over a small fraction, at which a gcd takes its longest and shortest ways."""
    pairs = [(n, d) for d in range(1, 24) for n in range(1, d)]
    return [(P * n // d + k) % P for n, d in pairs for k in (-1, 0, 1)]


def _expected(values):
    return "".join("1" if pow(value, (P - 1) // 2, P) == P - 1 else "0" for value in values)


@pytest.fixture(name="find", params=["portable", "avx512ifma"], scope="module")
def _find(request, tmp_path_factory):
    if request.param not in PATHS:
        pytest.skip(f"this machine has no path {request.param}")
    folder = tmp_path_factory.mktemp("legendre")
    flags = ["-DIN_LANES"] if request.param == "avx512ifma" else []
    source = DRIVERS / "legendre_driver.c"
    objects = compile_sanitized(folder / "objects", [source], *flags)
    program = link_sanitized(folder / "legendre", objects)

    def find(values):
        padded = [*values, *[0] * (-len(values) % TOGETHER)]
        data = b"".join(value.to_bytes(32, "little") for value in padded)
        done = run_sanitized([program], data=data)
        assert done.returncode == 0, done.stderr
        return done.stdout[: len(values)]

    return find


def _shuffled(values):
    return sorted(values, key=lambda _: secrets.randbits(64))


def test_edges_of_every_length_have_their_symbol(find):
    values = [*_edges(), *_beyond(), *_ratios()]
    assert len(values) > 2_500
    assert find(values) == _expected(values)


def test_a_lane_does_not_depend_on_its_neighbours(find):
    values = _shuffled([*_edges(), *[secrets.randbelow(P) for _ in range(1_000)], *[0] * 100])
    assert find(values) == _expected(values)


def test_random_values_have_their_symbol(find):
    values = [secrets.randbelow(P) for _ in range(MANY)]
    found = find(values)
    assert found == _expected(values)
    assert found.count("1") > MANY // 3


def test_multiples_of_p_count_as_squares(find):
    assert find([0] * 32) == "0" * 32
    assert find([P] * 32) == "0" * 32
    assert find([0, 1, P, 2] * 8) == "0001" * 8
