"""The P-256 cipher against RFC 9497's vectors and pycryptodome's arithmetic; what it refuses."""

import json
from pathlib import Path

import pytest
from Crypto.PublicKey.ECC import EccPoint
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_client.blinding.p256 import ORDER, BadP256Point, P, P256Cipher, hash_to_curve

_OPRF = Path(__file__).parents[2] / "../shared/data/vectors/rfc9497_allVectors.json"
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B  # SEC 2, section 2.4.2

KEYS = st.one_of(
    st.sampled_from([1, 2, 3, ORDER - 3, ORDER - 2, ORDER - 1]), st.integers(1, ORDER - 1)
)


@pytest.fixture(name="evaluations", scope="module")
def _evaluations():
    """(key, blinded, evaluated) of RFC 9497, appendix A.3; in POPRF the key is tweaked."""
    if not _OPRF.exists():
        pytest.skip("the vectors of RFC 9497 are not beside this repository")
    suites = [s for s in json.loads(_OPRF.read_text()) if s["identifier"] == "P256-SHA256"]
    return [
        (suite["skSm"], *pair)
        for suite in suites
        if suite["mode"] in {0, 1}
        for vector in suite["vectors"]
        for pair in zip(
            vector["BlindedElement"].split(","), vector["EvaluationElement"].split(","), strict=True
        )
    ]


def _times(point, scalar):
    """`scalar` times a compressed point, by pycryptodome."""
    x = int.from_bytes(point[1:])
    y = pow(x**3 - 3 * x + _B, (P + 1) // 4, P)
    y = y if y & 1 == point[0] & 1 else P - y
    x, y = (EccPoint(x, y, "P-256") * scalar).xy
    return bytes([2 + (int(y) & 1)]) + int(x).to_bytes(32)


def test_every_evaluation_of_rfc9497_is_reproduced(evaluations):
    for key, blinded, evaluated in evaluations:
        found = P256Cipher(bytes.fromhex(key)).re_encrypt([bytes.fromhex(blinded)])
        assert [point.hex() for point in found] == [evaluated]
    assert len(evaluations) == 6


@given(KEYS, st.binary(max_size=64))
def test_the_product_is_pycryptodomes(key, item):
    point = hash_to_curve(item)
    assert point[0] == 2, "the even root is taken"
    assert P256Cipher(key.to_bytes(32)).encrypt([item]) == [_times(point, key)]


@given(KEYS, KEYS, st.lists(st.binary(max_size=64), max_size=3))
def test_two_keys_commute_and_each_can_be_taken_off(one, other, items):
    a, b = P256Cipher(one.to_bytes(32)), P256Cipher(other.to_bytes(32))
    both = b.re_encrypt(a.encrypt(items))
    assert both == a.re_encrypt(b.encrypt(items))
    assert a.decrypt(both) == b.encrypt(items)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\0",  # the point at infinity
        b"\2" + bytes(31),
        b"\2" + bytes(33),
        b"\4" + bytes(32),
        b"\2" + (1).to_bytes(32),  # x = 1 is on the twist
        b"\2" + (P + 5).to_bytes(32),  # x = 5 is on the curve
        b"\2" + bytes(31) + b"\5" + bytes(32),
    ],
)
def test_what_is_no_compressed_point_is_refused_with_its_place(bad):
    cipher = P256Cipher((7).to_bytes(32))
    good = hash_to_curve(b"a")
    for call in (cipher.re_encrypt, cipher.decrypt):
        with pytest.raises(BadP256Point, match=r"^point 1 is not a compressed P-256 point"):
            call([good, bad])


def test_x_5_itself_is_accepted():
    point = b"\2" + (5).to_bytes(32)
    assert P256Cipher((1).to_bytes(32)).re_encrypt([point]) == [point]


@pytest.mark.parametrize("scalar", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_a_key_out_of_range_is_refused(scalar):
    with pytest.raises(ValueError, match="a P-256 key has 32 bytes"):
        P256Cipher(scalar.to_bytes(32))


def test_a_key_of_another_length_is_refused():
    with pytest.raises(ValueError, match="a P-256 key has 32 bytes"):
        P256Cipher((7).to_bytes(31))


def test_a_key_is_drawn_again_until_it_is_in_range():
    drawn = iter([ORDER.to_bytes(32), bytes(32), (7).to_bytes(32)])
    cipher = P256Cipher.generate(lambda _count: next(drawn))
    assert cipher.reveal_to_keystore() == (7).to_bytes(32)


def test_a_key_shows_nothing():
    assert repr(P256Cipher((7).to_bytes(32))) == "<P256Cipher>"
