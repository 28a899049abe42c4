"""Blinding against RFC 7748 and Project Wycheproof; what we refuse on purpose is refused."""

import json
from pathlib import Path

import pytest

from cleanroom_client.blinding import BadPoint, BlindingKey, PointFault

_WYCHEPROOF = (
    Path(__file__).parents[2] / "../shared/data/vectors/wycheproof/wycheproof_x25519_test.json"
)


@pytest.fixture(name="cases", scope="module")
def _cases():
    if not _WYCHEPROOF.exists():
        pytest.skip("the Wycheproof X25519 vectors are not beside this repository")
    document = json.loads(_WYCHEPROOF.read_text())
    return [case for group in document["testGroups"] for case in group["tests"]]


def _blinded(case):
    key = BlindingKey(bytes.fromhex(case["private"]))
    return key.blind_one(bytes.fromhex(case["public"]))


def _refused(case):
    return "NonCanonicalPublic" in case["flags"] or "ZeroSharedSecret" in case["flags"]


def test_every_canonical_wycheproof_case_is_reproduced(cases):
    # Two cases have their top bit set without being flagged as non-canonical.
    usable = [c for c in cases if not _refused(c) and not bytes.fromhex(c["public"])[-1] & 0x80]
    for case in usable:
        assert _blinded(case).hex() == case["shared"], case["tcId"]
    assert len(usable) > 450


def test_every_low_order_wycheproof_case_is_refused(cases):
    low = [case for case in cases if "ZeroSharedSecret" in case["flags"]]
    for case in low:
        with pytest.raises(BadPoint):
            _blinded(case)
    assert len(low) == 31


def test_every_non_canonical_wycheproof_case_is_refused(cases):
    odd = [case for case in cases if "NonCanonicalPublic" in case["flags"]]
    for case in odd:
        with pytest.raises(BadPoint) as caught:
            _blinded(case)
        assert caught.value.fault in (PointFault.TOP_BIT, PointFault.NOT_REDUCED)
    assert odd


def test_rfc7748_iterated_vector_after_one_and_after_1000_rounds():
    # RFC 7748, section 5.2.
    k = u = bytes([9]) + bytes(31)
    for round_ in range(1000):
        k, u = BlindingKey(k).blind_one(u), k
        u = u[:31] + bytes([u[31] & 0x7F])  # the RFC masks the top bit, which we would refuse
        if round_ == 0:
            assert k.hex() == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert k.hex() == "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
