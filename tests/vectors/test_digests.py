"""Every path of the native digests against hashlib, hmac and public vectors, under sanitizers."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pyarrow as pa
import pytest

from cleanroom_client.blinding import PersonKey, SharedKey, hmac_tokens
from cleanroom_client.digests import available, hmac_items
from cleanroom_client.digests.text_hmacs import hmac_texts
from cleanroom_client.identifiers import KeyColumn, KeyType, identities
from support.columns import on_every_path

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "clients/python/cleanroom_client/digests/native"
WYCHEPROOF = ROOT / "../shared/data/vectors/wycheproof/wycheproof_hmac_sha256_test.json"

# RFC 4231, sections 4.4, 4.5, 4.7 and 4.8: the cases whose message has 32 bytes or more.
RFC4231 = [
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        (
            b"This is a test using a larger than block-size key and a larger than block-size data."
            b" The key needs to be hashed before being used by the HMAC algorithm."
        ),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@on_every_path
@pytest.mark.parametrize(("key", "message", "mac"), RFC4231)
def test_rfc4231_cases_long_enough_to_end_in_an_item_are_reproduced(key, message, mac, digest_path):
    assert hmac_items(key, message[:-32], message[-32:]).hex() == mac
    many = hmac_items(key, message[:-32], message[-32:] * 35)
    assert many == bytes.fromhex(mac) * 35


@on_every_path
def test_wycheproof_macs_are_reproduced(digest_path):
    if not WYCHEPROOF.exists():
        pytest.skip("the Wycheproof HMAC vectors are not beside this repository")
    groups = json.loads(WYCHEPROOF.read_text())["testGroups"]
    done = 0
    for group, case in ((g, c) for g in groups for c in g["tests"]):
        message = bytes.fromhex(case["msg"])
        if len(message) < 32:
            continue
        mac = hmac_items(bytes.fromhex(case["key"]), message[:-32], message[-32:]).hex()
        assert (mac[: group["tagSize"] // 4] == case["tag"]) == (case["result"] == "valid")
        done += 1
    assert done == 20


@on_every_path
def test_macs_equal_pythons_for_any_key_prefix_and_number_of_items(digest_path):
    sizes = (0, 1, 14, 22, 23, 24, 31, 32, 33, 55, 63, 64, 65, 96, 127, 128, 150)
    for i, prefix_bytes in enumerate(sizes):
        for n in (0, 1, 15, 16, 17, 63, 64, 65, 130):
            key, prefix = (
                secrets.token_bytes(sizes[(i + n) % len(sizes)]),
                secrets.token_bytes(prefix_bytes),
            )
            items = [secrets.token_bytes(32) for _ in range(n)]
            packed = memoryview(bytes(n % 7) + b"".join(items))[n % 7 :]
            want = b"".join(hmac.digest(key, prefix + item, "sha256") for item in items)
            assert hmac_items(key, prefix, packed) == want


@on_every_path
def test_macs_of_texts_equal_pythons_and_none_is_made_of_nothing(digest_path):
    texts = ["x" * n for n in (*range(1, 200), 1023, 1100, 5000)] + ["", None, "\u00e4\x00"]
    texts = [texts[i * 7 % len(texts)] for i in range(len(texts) * 2)]
    for prefix_bytes, kind in (
        (0, pa.string()),
        (30, pa.large_string()),
        (64, pa.string()),
        (70, pa.string()),
    ):
        key, prefix = secrets.token_bytes(32), secrets.token_bytes(prefix_bytes)
        want = [t and hmac.digest(key, prefix + t.encode(), "sha256") for t in texts]
        want = [mac or None for mac in want]
        for first, n in ((0, len(texts)), (9, 64), (11, 65), (3, 1), (5, 0)):
            column = pa.array(texts, kind).slice(first, n)
            assert hmac_texts(key, prefix, column).to_pylist() == want[first : first + n]
            short = [mac and mac[:16] for mac in want[first : first + n]]
            assert hmac_texts(key, prefix, column, size=16).to_pylist() == short


@on_every_path
def test_references_of_a_column_are_those_of_its_texts(digest_path):
    key, persons = PersonKey(b"\x03" * 32), ["p-1", None, "", "Zo\u00eb", "p-1"]
    found = key.references(pa.array(persons))
    assert found.type == pa.binary(16)
    assert found.to_pylist() == [(p and key.reference(p)) or None for p in persons]


@on_every_path
def test_items_of_another_length_are_refused(digest_path):
    with pytest.raises(ValueError, match="32 bytes each"):
        hmac_items(b"key", b"", bytes(33))


def test_tokens_do_not_depend_on_the_path(monkeypatch):
    ids = secrets.token_bytes(32 * 50)
    found = set()
    for path in available():
        monkeypatch.setenv("CLEANROOM_DIGESTS", path)
        found.add(hmac_tokens(ids, SharedKey(b"\x07" * 32), KeyType.EMAIL, "spring"))
    assert len(found) == 1


@on_every_path
def test_published_digests_are_reproduced(digest_path):
    # FIPS 180-2, appendix B.1, and NIST's two-block example of 56 bytes.
    texts = ["abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"]
    found, _ = identities(KeyColumn.EXTERNAL_ID, pa.array(texts), None)
    assert [f.hex() for f in found.to_pylist()] == [
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ]
    assert found.to_pylist() == [hashlib.sha256(t.encode()).digest() for t in texts]


_SANITIZED = """
import random, sys
from array import array
sys.path.insert(0, sys.argv[1])
import _digests
rng = random.Random(7)
CORES = [b"", b"a@b.c", b" A.n+x@Gmail.com ", b"+79123456789", b"8 (912) 345", b"x" * 60, b"y" * 1024,
         b"z" * 1025, b"@", b"..@gmail.com", b"ab" * 32, b"A" * 43 + b"=", "\\u00e4".encode() * 9,
         b"38400000-8cf0-11bd-b23e-10b96e40000d", b"  ", b"q" * 4097]
def exact(data):  # of its size on the heap, but for an empty one
    return array("B", data)
for path in _digests.paths():
    for turn in range(300):
        values = [rng.choice(CORES)[: rng.choice([None, None, rng.randrange(70)])]
                  for _ in range(rng.randrange(1, 50))]
        lead, shift, wide = rng.randrange(9), rng.randrange(8), turn % 2 == 1
        ends, data = [shift], bytes(shift)
        for value in values:
            data += value
            ends.append(len(data))
        offsets = b"".join(e.to_bytes(8 if wide else 4, "little") for e in [0] * lead + ends)
        n = len(values)
        bits = exact(rng.randbytes((lead + n + 7) // 8)) if turn % 3 else None
        unaligned = memoryview(exact(bytes(shift) + offsets))[shift:]
        out, status = exact(bytes(32 * n)), exact(bytes(n))
        room = memoryview(exact(bytes(shift + 32 * n)))[shift:]
        for kind in range(5):
            _digests.identify(path, kind, bits, unaligned, exact(data), wide, lead, n, out, status)
            _digests.identify(path, kind, bits, unaligned, exact(data), wide, lead, n, room, status)
            assert out.tobytes() == bytes(room)
        key, prefix = exact(rng.randbytes(turn % 150)), exact(rng.randbytes(turn))
        column = (bits, unaligned, exact(data), wide, lead, n)
        _digests.hmac_texts(path, key, prefix, *column, out, status)
        for lying in (data[:-1], b""):
            try:
                _digests.identify(path, 3, None, unaligned, exact(lying), wide, lead, n, out, status)
            except ValueError:
                pass
        items = memoryview(exact(bytes(shift) + rng.randbytes(32 * n)))[shift:]
        _digests.hmac_items(path, key, prefix, items)
print("clean")
"""


def test_address_and_undefined_behaviour_sanitizers_find_nothing(tmp_path):
    compiler = shutil.which("gcc")
    runtime = (
        compiler
        and subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    if not compiler or not Path(runtime or "").is_absolute():
        pytest.skip("gcc with its sanitizers is not installed")
    built = tmp_path / "_digests.abi3.so"
    subprocess.run(
        [
            compiler,
            *("-O1", "-g", "-shared", "-fPIC", "-fsanitize=address,undefined"),
            *("-fno-sanitize-recover=all", f"-I{sysconfig.get_path('include')}", "-o", built),
            *sorted(NATIVE.glob("*.c")),
        ],
        check=True,
    )
    options = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-c", _SANITIZED, str(tmp_path)],
        env=os.environ | options,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "clean\n"), done.stderr[-3000:]
