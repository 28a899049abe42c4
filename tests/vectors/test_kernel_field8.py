"""The eight-lane field on limbs at the ends of their bounds, which no point is sure to reach."""

from __future__ import annotations

import itertools
import secrets
import struct
import subprocess

import pytest

from cleanroom_client.blinding.curve25519 import P
from cleanroom_client.blinding.kernel import available
from support.native_builds import NATIVE, build, copy_with

LANES, LIMBS = 8, 5
MAX = 2**51 + 2**15
SMALL = 2**20 - 1
RANDOM = 2_000
_RECORD = struct.Struct("=80Q")
_RESULT = struct.Struct("=40Q")

MINUS = "WIDE(fe8_sub(fe8_bias(WIDE(fe8_small(0))), fe8_mul(a, b)))"

# What field8.h computes, the same on integers, and the limb that it says is never reached.
OPERATIONS = {
    MINUS: (lambda a, b: -a * b, MAX + 1),
    "fe8_mul(a, b)": (lambda a, b: a * b, 2**59),
    "fe8_mul_biased(a, b)": (lambda a, b: a * b, 2**60),
    "fe8_square(a)": (lambda a, _: a * a, 2**59),
    "fe8_square_biased(a)": (lambda a, _: a * a, 2**60),
    "WIDE(fe8_sub(fe8_mul_biased(a, a), fe8_mul(b, b)))": (lambda a, b: a * a - b * b, MAX + 1),
    "WIDE(fe8_sub(fe8_square_biased(a), fe8_square(b)))": (lambda a, b: a * a - b * b, MAX + 1),
    "WIDE(fe8_add(fe8_mul_biased(a, b), fe8_square_biased(b)))": (
        lambda a, b: a * b + b * b,
        MAX + 1,
    ),
    f"WIDE(fe8_carry(fe8_add_times(fe8_square_biased(a), b, {SMALL})))": (
        lambda a, b: a * a + SMALL * b,
        MAX + 1,
    ),
}

pytestmark = pytest.mark.skipif(
    "avx512ifma" not in available(), reason="the processor has no AVX-512 IFMA, or no compiler"
)


def _corners():
    """Every choice of zero and of a great limb for both operands, and random limbs.

    (2^51 - 1)(2^51 + 1) = 2^102 - 1 is the product with the greatest lower half.
    """
    ends = itertools.product((0, MAX), repeat=2 * LIMBS)
    lows = itertools.product(*[(0, 2**51 - 1)] * LIMBS, *[(0, 2**51 + 1)] * LIMBS)
    some = (0, 1, 2**50, 2**51 - 19, 2**51 - 1, 2**51, MAX - 1, MAX)
    near = (tuple(secrets.choice(some) for _ in range(2 * LIMBS)) for _ in range(RANDOM))
    anywhere = (tuple(secrets.randbelow(MAX + 1) for _ in range(2 * LIMBS)) for _ in range(RANDOM))
    return [*ends, *lows, *near, *anywhere]


def _value(limbs):
    return sum(limb << (51 * i) for i, limb in enumerate(limbs))


def _run(program, pairs):
    """Return the five limbs of the result for each pair of five and five limbs."""
    groups = [pairs[at : at + LANES] for at in range(0, len(pairs), LANES)]
    data = b"".join(_RECORD.pack(*itertools.chain(*zip(*group, strict=True))) for group in groups)
    out = subprocess.run([program], input=data, capture_output=True, check=True).stdout
    by_limb = [_RESULT.unpack_from(out, at) for at in range(0, len(out), _RESULT.size)]
    return [tuple(r[lane::LANES]) for r in by_limb for lane in range(LANES)]


def _wrong(operation, native, folder):
    """Return the pairs whose result is another number, or has a limb beyond its bound."""
    flags = ("-O3", f"-DOPERATION={operation}")
    program = build("field8_limbs", folder, native=native, sources=(), flags=flags)
    expected, bound = OPERATIONS[operation]
    pairs = _corners()
    results = _run(program, pairs)
    assert len(results) == len(pairs)
    return [
        pair
        for pair, r in zip(pairs, results, strict=True)
        if max(r) >= bound
        or (_value(r) - expected(_value(pair[:LIMBS]), _value(pair[LIMBS:]))) % P != 0
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_limbs_at_the_ends_of_their_bounds_keep_value_and_bound(operation, tmp_path):
    assert _wrong(operation, NATIVE, tmp_path) == []


def test_a_bias_below_the_greatest_limb_is_found(tmp_path):
    native = copy_with(tmp_path, "(256 / part)", "(248 / part)", helper="")
    assert _wrong(MINUS, native, tmp_path)
