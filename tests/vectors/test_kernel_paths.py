"""Every ladder of the native kernel on inputs at the edges of its own limbs and lanes."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding.curve25519 import P
from cleanroom_client.blinding.kernel import PYTHON, Kernel, available

ROOT = Path(__file__).parents[2]
WYCHEPROOF = ROOT / "../shared/data/vectors/wycheproof/wycheproof_x25519_test.json"
RANDOM = 100_000 if os.environ.get("CLEANROOM_SLOW") else 2_000
NATIVE = tuple(p for p in available() if p != PYTHON)

pytestmark = pytest.mark.skipif(
    not NATIVE, reason="the native kernel is not built: there was no C compiler"
)


def _edges():
    """Return values beside the borders of limbs, words and the prime, and runs of equal bits."""
    borders = {2**k for k in (*range(255), 204, 153, 102, 51, 50, 49)} | {P, (P - 1) // 2}
    near = {b + d for b in borders for d in (-39, -38, -20, -19, -18, -1, 0, 1, 18, 19, 38)}
    runs = {(2**a - 1) << b for a in (13, 50, 51, 52, 64, 128) for b in range(0, 250, 17)}
    limbs = {
        sum(v << (51 * i) for i in range(5)) for v in (1, 2**50 - 1, 2**50, 2**50 + 1, 2**51 - 2)
    }
    return [v for v in sorted(near | runs | limbs) if 2 <= v < P - 1]


def _packed(path):
    points = [v.to_bytes(32, "little") for v in _edges()]
    points += [(2 + secrets.randbelow(P - 4)).to_bytes(32, "little") for _ in range(RANDOM)]
    return [p for p in points if Kernel(path).find_bad(p) < 0]


def _reference(points, scalar):
    key = X25519PrivateKey.from_private_bytes(scalar)
    return b"".join(key.exchange(X25519PublicKey.from_public_bytes(p)) for p in points)


def test_all_paths_equal_cryptography_on_edges_and_random_points():
    points = _packed(NATIVE[0])
    packed, scalar = b"".join(points), secrets.token_bytes(32)
    want = _reference(points, scalar)
    for path in NATIVE:
        assert Kernel(path).multiply(packed, scalar) == want, path


@pytest.mark.parametrize(
    "scalar", [bytes(32), b"\xff" * 32, b"\xaa" * 32, b"\x55" * 32, b"\x00\xff" * 16]
)
def test_all_paths_equal_cryptography_for_scalars_of_runs_and_alternating_bits(scalar):
    points = _packed(NATIVE[0])[::12]
    want = _reference(points, scalar)
    for path in NATIVE:
        assert Kernel(path).multiply(b"".join(points), scalar) == want, path


def test_all_paths_agree_on_every_number_of_lanes_left_over():
    scalar, points = secrets.token_bytes(32), b"".join(_packed(NATIVE[0])[:140])
    want = Kernel(NATIVE[-1]).multiply(points, scalar)
    for path in NATIVE:
        for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 61, 62, 63, 64, 65, 66, 67, 129):
            assert Kernel(path).multiply(points[: 32 * n], scalar) == want[: 32 * n], path


def test_wycheproof_points_together_equal_their_products_alone():
    if not WYCHEPROOF.exists():
        pytest.skip("the Wycheproof X25519 vectors are not beside this repository")
    groups = json.loads(WYCHEPROOF.read_text())["testGroups"]
    points = [bytes.fromhex(c["public"]) for g in groups for c in g["tests"]]
    points = [p for p in points if Kernel(NATIVE[0]).find_bad(p) < 0]
    scalar = bytes.fromhex(groups[0]["tests"][0]["private"])
    want = _reference(points, scalar)
    assert len(points) > 450
    for path in NATIVE:
        assert Kernel(path).multiply(b"".join(points), scalar) == want, path


def test_the_paths_that_need_no_special_processor_always_run():
    assert NATIVE[-2:] == ("portable", "plain")
