"""The P-256 cipher against OpenMined PSI's own client and server, in both directions."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from cleanroom_client.blinding.p256 import P256Cipher
from support.peer_rooms import PeerMissing, peer_environment, peer_python

_CALLS = Path(__file__).parents[1] / "support" / "peers" / "openmined_calls.py"
_TOY = Path(__file__).parents[2] / "../shared/data/openmined_psi/expected.json"

CLIENT_KEY = bytes(range(32))
SERVER_KEY = bytes(range(1, 33))
# Of these, 275 and 372 are tried again from an x with leading zeros, which are not hashed.
ITEMS = [f"Element {number}" for number in range(400)]
ODD_ITEMS = ["", "a" * 1000, "почта@example.com", "\0", "Element 0", "Element 0"]


@pytest.fixture(name="python", scope="module")
def _python():
    try:
        return peer_python("openmined")
    except PeerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"openmined-psi cannot be installed here: {missing}")


@pytest.fixture(name="theirs", scope="module")
def _theirs(python):
    def call(name, **given):
        done = subprocess.run(
            [python, _CALLS],
            input=json.dumps([[name, given]]),
            env=peer_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)[0]

    return call


@pytest.fixture(name="toy")
def _toy():
    if not _TOY.exists():
        pytest.skip("OpenMined's toy intersection is not beside this repository")
    return json.loads(_TOY.read_text())


def _encoded(items):
    return [item.encode() for item in items]


def _hex(points):
    return [point.hex() for point in points]


def _points(texts):
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("items", [ITEMS, ODD_ITEMS], ids=["many", "odd"])
def test_our_request_equals_their_clients(theirs, items):
    ours = P256Cipher(CLIENT_KEY).encrypt(_encoded(items))
    assert _hex(ours) == theirs("request", key=CLIENT_KEY.hex(), items=items)


def test_keys_of_every_kind_give_the_same_requests(theirs):
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    drawn = [hashlib.sha256(bytes([n])).digest() for n in range(4)]
    for key in [n.to_bytes(32) for n in (1, 2, order - 2, order - 1)] + drawn:
        ours = P256Cipher(key).encrypt(_encoded(ITEMS[:10]))
        assert _hex(ours) == theirs("request", key=key.hex(), items=ITEMS[:10])


def test_their_clients_request_is_answered_as_their_server_answers(theirs):
    request = theirs("request", key=CLIENT_KEY.hex(), items=ITEMS)
    ours = P256Cipher(SERVER_KEY).re_encrypt(_points(request))
    assert _hex(ours) == theirs("response", key=SERVER_KEY.hex(), elements=request)


def test_our_request_is_answered_by_their_server_as_our_own_answer(theirs):
    request = P256Cipher(CLIENT_KEY).encrypt(_encoded(ITEMS))
    ours = P256Cipher(SERVER_KEY).re_encrypt(request)
    assert _hex(ours) == theirs("response", key=SERVER_KEY.hex(), elements=_hex(request))


def test_their_client_and_our_server_find_the_intersection(theirs, toy):
    clients, servers = ITEMS[:10], [f"Element {2 * number}" for number in range(100)]
    server = P256Cipher(bytes.fromhex(toy["server_key_hex"]))
    setup = sorted(server.encrypt(_encoded(servers)))
    request = theirs("request", key=toy["client_key_hex"], items=clients)
    response = server.re_encrypt(_points(request))
    found = theirs(
        "intersection", key=toy["client_key_hex"], setup=_hex(setup), response=_hex(response)
    )
    # Theirs are in the order of the points.
    assert [clients[place] for place in sorted(found)] == toy["intersection"]


def test_our_client_and_their_server_find_the_intersection(theirs, toy):
    clients, servers = ITEMS[:10], [f"Element {2 * number}" for number in range(100)]
    client = P256Cipher(bytes.fromhex(toy["client_key_hex"]))
    setup = theirs("setup", key=toy["server_key_hex"], items=servers)
    request = client.encrypt(_encoded(clients))
    response = theirs("response", key=toy["server_key_hex"], elements=_hex(request))
    known = set(_points(setup))
    decrypted = client.decrypt(_points(response))
    found = [item for item, point in zip(clients, decrypted, strict=True) if point in known]
    assert found == toy["intersection"]
    assert len(found) == toy["size"]
