"""Hashing to Curve25519 against RFC 9380, appendices J.4 and K.3, and an independent ladder."""

import json
from pathlib import Path

import pytest

from cleanroom_client.blinding import BlindingKey
from cleanroom_client.blinding.curve25519 import (
    J,
    P,
    hash_to_curve_x,
    hash_to_curve_x_many,
    hash_to_field,
    map_to_curve_elligator2_x,
)
from cleanroom_client.blinding.expand import expand_message_xmd_sha512

_FOLDER = Path(__file__).parents[2] / "../shared/data/vectors/rfc9380"


def _load(name):
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"public vectors {name} are not beside this repository")
    return json.loads(path.read_text())


@pytest.fixture(name="suite")
def _suite():
    return _load("curve25519_XMD:SHA-512_ELL2_NU_.json")


def _double(x, z):
    a, b = (x + z) ** 2, (x - z) ** 2
    c = a - b
    return a * b % P, c * (b + (J + 2) // 4 * c) % P


def _ladder(scalar, u):
    """Return x(scalar * U) by differential addition, unclamped; shares no code with the SDK."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in f"{scalar:b}":
        sum_x = (x2 * x3 - z2 * z3) ** 2 % P
        sum_z = u * (x2 * z3 - z2 * x3) ** 2 % P
        if bit == "1":
            (x2, z2), (x3, z3) = (sum_x, sum_z), _double(x3, z3)
        else:
            (x2, z2), (x3, z3) = _double(x2, z2), (sum_x, sum_z)
    return x2 * pow(z2, -1, P) % P


def test_expand_message_equals_the_vectors():
    suite = _load("expand_message_xmd_SHA512_38.json")
    for case in suite["tests"]:
        length = int(case["len_in_bytes"], 16)
        result = expand_message_xmd_sha512(case["msg"].encode(), suite["DST"].encode(), length)
        assert result.hex() == case["uniform_bytes"]
    assert len(suite["tests"]) == 10


def test_hash_to_field_equals_the_vectors(suite):
    for case in suite["vectors"]:
        assert hash_to_field(case["msg"].encode(), suite["dst"].encode()) == int(case["u"][0], 16)


def test_elligator_equals_the_vectors_of_both_suites(suite):
    random_oracle = _load("curve25519_XMD:SHA-512_ELL2_RO_.json")
    pairs = [(v["u"][0], v["Q"]) for v in suite["vectors"]]
    for case in random_oracle["vectors"]:
        pairs += zip(case["u"], (case["Q0"], case["Q1"]), strict=True)
    xs = map_to_curve_elligator2_x([int(u, 16) for u, _ in pairs])
    assert xs == [int(q["x"], 16) for _, q in pairs]
    assert len(xs) == 15


def test_every_mapped_x_lies_on_the_curve_and_not_its_twist():
    for x in map_to_curve_elligator2_x(range(200)):
        assert pow(x**3 + J * x**2 + x, (P - 1) // 2, P) in (0, 1)


def test_hash_to_curve_equals_x_of_q(suite):
    messages = [case["msg"].encode() for case in suite["vectors"]]
    expected = [int(case["Q"]["x"], 16).to_bytes(32, "little") for case in suite["vectors"]]
    assert hash_to_curve_x_many(messages, suite["dst"].encode()) == expected
    assert [hash_to_curve_x(m, suite["dst"].encode()) for m in messages] == expected


def test_clearing_the_cofactor_of_q_gives_p(suite):
    for case in suite["vectors"]:
        assert _ladder(8, int(case["Q"]["x"], 16)) == int(case["P"]["x"], 16)


def test_x25519_of_q_with_scalar_8m_is_m_times_p(suite):
    m = 2**251 + 0x1234567890ABCDEF << 7
    m = 2**251 + m % 2**251  # 8 m is then left as it is by clamping
    key = BlindingKey((8 * m).to_bytes(32, "little"))
    for case in suite["vectors"]:
        q = hash_to_curve_x(case["msg"].encode(), suite["dst"].encode())
        assert int.from_bytes(key.blind_one(q), "little") == _ladder(m, int(case["P"]["x"], 16))


@pytest.mark.parametrize("dst", [b"", b"x" * 256])
def test_expand_refuses_a_tag_without_one_byte_of_length(dst):
    with pytest.raises(ValueError, match="domain separation tag"):
        expand_message_xmd_sha512(b"", dst, 48)


@pytest.mark.parametrize("length", [0, 255 * 64 + 1])
def test_expand_refuses_a_length_outside_the_standard(length):
    with pytest.raises(ValueError, match="cannot expand"):
        expand_message_xmd_sha512(b"", b"tag", length)
