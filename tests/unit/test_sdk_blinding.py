"""Points, secrets, blinding of lists, and hashed tokens."""

import copy
import hashlib
import hmac
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanroom_client.blinding import (
    BadPoint,
    BlindingKey,
    PersonKey,
    PointFault,
    SharedKey,
    WorkerDied,
    blind,
    blind_identities,
    check_point,
    domain_tag,
    hmac_tokens,
    lists,
    pool,
    sha256_tokens,
)
from cleanroom_client.blinding.curve25519 import P, hash_to_curve_x, hash_to_curve_x_many, jacobi
from cleanroom_client.blinding.points import LOW_ORDER
from cleanroom_client.identifiers import KeyType

_A, _B = BlindingKey(bytes(range(32))), BlindingKey(bytes(range(32, 64)))
_SECRETS = st.binary(min_size=32, max_size=32)


def _points(count, tag=b"tag"):
    return hash_to_curve_x_many([bytes([i % 256, i // 256]) for i in range(count)], tag)


@settings(max_examples=40, deadline=None)
@given(value=st.binary(max_size=40), a=_SECRETS, b=_SECRETS)
def test_blinding_commutes(value, a, b):
    point, one, two = hash_to_curve_x(value, b"tag"), BlindingKey(a), BlindingKey(b)
    assert blind(blind([point], one), two) == blind(blind([point], two), one)


@settings(max_examples=60, deadline=None)
@given(number=st.integers(min_value=0, max_value=P - 1))
def test_jacobi_equals_eulers_criterion(number):
    assert jacobi(number, P) % P == pow(number, (P - 1) // 2, P)


def test_jacobi_is_zero_for_a_common_factor():
    assert jacobi(9, 15) == 0


def test_batched_hashing_equals_hashing_one_by_one():
    messages = [b"", b"a", b"b" * 300]
    assert hash_to_curve_x_many(messages, b"t") == [hash_to_curve_x(m, b"t") for m in messages]
    assert hash_to_curve_x_many([], b"t") == []


def test_the_domain_tag_holds_collaboration_and_key_type():
    assert domain_tag("spring-campaign", KeyType.LOYALTY_ID) == (
        b"CLEANROOM-V01-CS01-with-curve25519_XMD:SHA-512_ELL2_NU_spring-campaign/loyalty_id"
    )


def test_blinded_identities_are_hashed_points_raised_to_the_secret():
    ids = [hashlib.sha256(bytes([i])).digest() for i in range(5)]
    tokens = blind_identities(ids, collaboration="c", key_type=KeyType.EMAIL, key=_A)
    assert tokens == blind(hash_to_curve_x_many(ids, domain_tag("c", KeyType.EMAIL)), _A)


def test_tokens_of_other_collaborations_and_key_types_share_nothing():
    ids = [hashlib.sha256(b"x").digest()]
    tokens = {
        blind_identities(ids, collaboration=c, key_type=k, key=_A)[0]
        for c in ("one", "two")
        for k in KeyType
    }
    assert len(tokens) == 2 * len(KeyType)


def test_every_low_order_point_in_every_spelling_is_refused():
    small = [int.from_bytes(u, "little") for u in LOW_ORDER]
    spellings = {u + k * P + top for u in small for k in (0, 1, 2) for top in (0, 2**255)}
    encodings = [u.to_bytes(32, "little") for u in spellings if u < 2**256]
    assert len(encodings) >= 14
    for encoding in encodings:
        with pytest.raises(BadPoint):
            check_point(encoding)


def test_low_order_points_are_those_x25519_sends_to_zero():
    assert len(LOW_ORDER) == 5
    for u in LOW_ORDER:
        with pytest.raises(ValueError, match="shared key"):
            _A._key.exchange(X25519PublicKey.from_public_bytes(u))


@pytest.mark.parametrize(
    ("u", "fault"),
    [
        (b"", PointFault.WRONG_LENGTH),
        (bytes(31), PointFault.WRONG_LENGTH),
        (bytes(33), PointFault.WRONG_LENGTH),
        ((9 + 2**255).to_bytes(32, "little"), PointFault.TOP_BIT),
        ((P + 9).to_bytes(32, "little"), PointFault.NOT_REDUCED),
        (P.to_bytes(32, "little"), PointFault.NOT_REDUCED),
        ((P - 1).to_bytes(32, "little"), PointFault.LOW_ORDER),
        (bytes(32), PointFault.LOW_ORDER),
    ],
)
def test_check_point_names_the_fault(u, fault):
    with pytest.raises(BadPoint) as caught:
        check_point(u)
    assert caught.value.fault is fault
    assert caught.value.reason in str(caught.value)


def test_check_point_accepts_the_largest_and_smallest_good_coordinates():
    for u in (2, 9, P - 2):
        check_point(u.to_bytes(32, "little"))
        assert len(_A.blind_one(u.to_bytes(32, "little"))) == 32


def test_blind_names_the_position_of_a_bad_point_beyond_the_first_chunk():
    points = [*_points(3) * 800, bytes(32), *_points(1)]
    with pytest.raises(BadPoint) as caught:
        blind(points, _A)
    assert (caught.value.position, caught.value.fault) == (2400, PointFault.LOW_ORDER)
    assert str(caught.value) == "point 2400 is not acceptable: it has low order"


def test_progress_reaches_the_number_of_points():
    seen = []
    blind(_points(3) * 1000, _A, progress=seen.append)
    assert seen == [2000, 3000]
    assert blind([], _A, progress=seen.append) == []


def test_worker_processes_give_the_same_tokens_and_name_bad_points(monkeypatch):
    monkeypatch.setattr(lists, "_SMALL", 0)
    monkeypatch.setattr(lists, "CHUNK", 50)
    points, seen = _points(170), []
    assert blind(points, _A, workers=2, progress=seen.append) == blind(points, _A)
    assert seen == [50, 100, 150, 170]
    ids = [hashlib.sha256(bytes([i])).digest() for i in range(120)]
    facts = {"collaboration": "c", "key_type": KeyType.PHONE, "key": _A}
    assert blind_identities(ids, workers=2, **facts) == blind_identities(ids, **facts)
    with pytest.raises(BadPoint) as caught:
        blind([*points, b"short"], _A, workers=2)
    assert (caught.value.position, caught.value.fault) == (170, PointFault.WRONG_LENGTH)


def test_a_worker_that_dies_is_an_error_and_leaves_no_process():
    with pool.WorkerPool(1, _A) as workers:
        process = workers._workers[0]._process
        process.kill()
        with pytest.raises(WorkerDied, match="workers=1"):
            list(workers.map([b"".join(_points(5))], b""))
    assert process.returncode is not None


@settings(max_examples=30, deadline=None)
@given(dst=st.binary(max_size=255), chunk=st.binary(max_size=96))
def test_packing_of_requests_is_undone_by_unpacking(dst, chunk):
    assert pool.unpack_request(pool.pack_request(dst, chunk)) == (dst, chunk)


@pytest.mark.parametrize("kind", [BlindingKey, SharedKey, PersonKey])
def test_secrets_show_nothing_and_refuse_copies(kind):
    secret = kind(b"\xab" * 32)
    assert repr(secret) == f"<{kind.__name__}>"
    assert str(secret) == repr(secret)
    assert secret.reveal_to_keystore() == b"\xab" * 32
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never serialised"):
            leak(secret)


@pytest.mark.parametrize("kind", [BlindingKey, SharedKey, PersonKey])
def test_secrets_come_from_32_bytes_of_entropy(kind):
    assert kind.generate(lambda n: bytes(range(n))).reveal_to_keystore() == bytes(range(32))
    with pytest.raises(ValueError, match="32 bytes"):
        kind(b"short")


def test_person_references_are_16_bytes_and_differ_by_person_and_key():
    one, two = PersonKey(bytes(32)), PersonKey(bytes([1]) * 32)
    assert len(one.reference("p-1")) == 16
    assert one.reference("p-1") == one.reference("p-1")
    assert len({one.reference("p-1"), one.reference("p-2"), two.reference("p-1")}) == 3


def test_hmac_tokens_are_bound_to_key_type_collaboration_and_version():
    identity, key = hashlib.sha256(b"x").digest(), SharedKey(bytes(32))
    expected = b"cleanroom/v1 hmac token\0spring\0email\0" + identity
    tokens = hmac_tokens(identity, key, KeyType.EMAIL, "spring")
    assert tokens == hmac.digest(bytes(32), expected, "sha256")
    assert tokens != hmac_tokens(identity, key, KeyType.PHONE, "spring")
    assert tokens != hmac_tokens(identity, key, KeyType.EMAIL, "autumn")


def test_sha256_tokens_are_the_identities():
    packed = hashlib.sha256(b"x").digest() + hashlib.sha256(b"y").digest()
    assert sha256_tokens(memoryview(packed)) == packed


@pytest.mark.parametrize("n", [1, 31, 33])
def test_tokens_are_made_of_whole_identities(n):
    for make in (sha256_tokens, lambda ids: hmac_tokens(ids, SharedKey(bytes(32)), "email", "a")):
        with pytest.raises(ValueError, match="32 bytes each"):
            make(bytes(n))
