"""Every path of the native kernel against `cryptography`, Python's path and public vectors."""

from __future__ import annotations

import os
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom_client.blinding import BadPoint, BlindingKey, blind, blind_identities
from cleanroom_client.blinding.curve25519 import P
from cleanroom_client.blinding.kernel import AUTO, PYTHON, VARIABLE, Kernel, available, chosen
from cleanroom_client.blinding.points import LOW_ORDER
from cleanroom_client.identifiers import KeyType
from support.kernels import native, needs_kernel, point, public_vectors, random_points

MANY = 100_000 if os.environ.get("CLEANROOM_SLOW") else 6_000
EDGES = (2, 3, 9, 19, P - 2, P - 3, P - 19, 2**254, 2**254 - 1, (P - 1) // 2, 2**51 - 1, 2**51)

pytestmark = needs_kernel


def _reference(points, scalar):
    key = X25519PrivateKey.from_private_bytes(scalar)
    return b"".join(key.exchange(X25519PublicKey.from_public_bytes(p)) for p in points)


@native
def test_products_equal_cryptography_on_random_and_edge_points(path):
    points = [*map(point, EDGES), *random_points(MANY)]
    for scalar in (secrets.token_bytes(32), bytes(32), b"\xff" * 32):
        assert Kernel(path).multiply(b"".join(points), scalar) == _reference(points, scalar)
        points = points[:500]


@native
def test_every_length_up_to_two_batches_and_every_alignment_is_right(path):
    scalar, points = secrets.token_bytes(32), random_points(1100)
    want = _reference(points, scalar)
    for n in (*range(40), 63, 64, 65, 511, 512, 513, 520, 1024, 1025, 1100):
        shifted = memoryview(bytes(n % 17) + b"".join(points[:n]))[n % 17 :]
        assert Kernel(path).multiply(shifted, scalar) == want[: 32 * n]


@native
def test_acceptable_wycheproof_cases_are_reproduced(path):
    groups = public_vectors("wycheproof/wycheproof_x25519_test.json")["testGroups"]
    cases = [c for g in groups for c in g["tests"]]
    done = 0
    for case in cases:
        public = bytes.fromhex(case["public"])
        if Kernel(path).find_bad(public) == 0:
            continue
        assert Kernel(path).multiply(public, bytes.fromhex(case["private"])).hex() == case["shared"]
        done += 1
    assert done > 450


@native
def test_rfc7748_iterated_vector_after_1000_rounds(path):
    k = u = bytes([9]) + bytes(31)  # RFC 7748, section 5.2
    for _ in range(1000):
        k, u = Kernel(path).multiply(u, k), k
        u = u[:31] + bytes([u[31] & 0x7F])
    assert k.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"


@native
def test_bad_points_are_found_where_they_stand(path):
    good = random_points(20)
    bad = [*LOW_ORDER, point(P), point(P + 18), b"\xff" * 32, point(2**255 + 9)]
    for i, one in enumerate(bad):
        packed = b"".join([*good[:i], one, *good[i:]])
        assert Kernel(path).find_bad(packed) == i
        with pytest.raises(ValueError, match=rf"point {i} "):
            Kernel(path).multiply(packed, bytes(32))
    assert Kernel(path).find_bad(b"".join([*good, point(P - 2)])) == -1


@native
def test_wrong_lengths_are_refused(path):
    kernel = Kernel(path)
    for call in (
        lambda: kernel.multiply(bytes(33), bytes(32)),
        lambda: kernel.multiply(bytes(32), bytes(31)),
        lambda: kernel.find_bad(bytes(31)),
        lambda: Kernel("avx9").multiply(bytes(32), bytes(32)),
    ):
        with pytest.raises(ValueError, match=r"32 bytes|no path"):
            call()


def test_the_paths_of_the_sdk_agree_and_report_the_same_bad_point(monkeypatch):
    key = BlindingKey(secrets.token_bytes(32))
    identities = [secrets.token_bytes(32) for _ in range(2_100)]
    spoiled = [*random_points(2_050), bytes(32)]
    results = []
    for name in available():
        monkeypatch.setenv(VARIABLE, name)
        tokens = blind_identities(
            identities, collaboration="spring", key_type=KeyType.EMAIL, key=key
        )
        with pytest.raises(BadPoint) as refused:
            blind(spoiled, key)
        results.append((tokens, refused.value.position, refused.value.fault))
    assert len(results) >= 2
    assert all(r == results[0] for r in results)


def test_threads_give_what_one_thread_gives():
    key, points = BlindingKey(secrets.token_bytes(32)), random_points(25_000)
    assert blind(points, key, workers=3) == blind(points, key, workers=1)


def test_the_fastest_path_is_chosen_unless_another_is_named(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen() == Kernel(available()[0])
    monkeypatch.setenv(VARIABLE, AUTO)
    assert chosen() == Kernel(available()[0])
    monkeypatch.setenv(VARIABLE, PYTHON)
    assert chosen() is None
    monkeypatch.setenv(VARIABLE, "abacus")
    with pytest.raises(ValueError, match=r"'abacus' cannot run here: use one of auto, "):
        chosen()
