"""Witnesses over HTTP in this process, and requests to them from an example log."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.audit.checkpoint import sign_checkpoint
from cleanroom.audit.cosignature import witness_key_of
from cleanroom.audit.note import Ed25519Signer
from cleanroom.audit.tlog_witness import AddCheckpoint, encode_add_checkpoint
from cleanroom.audit.tree import consistency_proof
from cleanroom.witness.client import HttpWitness
from cleanroom.witness.server import make_server
from cleanroom.witness.state import WitnessState, create_state
from cleanroom.witness.witness import Witness
from support.audit_logs import LOG_KEY, ORIGIN, SIGNER, MemoryTree, checkpoint_of

NOW_S = 1_760_000_000


def witness_signer(number=1):
    """Return the signer of an example witness."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return Ed25519Signer(name=f"witness.example/w{number}", key=key)


def some_witness(path, *, number=1, logs=None, now_s=lambda: NOW_S):
    """Return a witness of the example log whose state is a file, made if there is none."""
    if not path.exists():
        create_state(path)
    known = {ORIGIN: (LOG_KEY,)} if logs is None else logs
    return Witness(witness_signer(number), known, WitnessState(path), now_s)


def request(entries, old_size=0, *, signer=SIGNER, proof=None, note=None):
    """Return the body that asks to cosign the tree of these entries."""
    note = sign_checkpoint(checkpoint_of(entries), signer) if note is None else note
    if proof is None:
        read_node = MemoryTree(entries).read_node
        proof = consistency_proof(old_size, len(entries), read_node) if old_size else []
    return encode_add_checkpoint(AddCheckpoint(old_size=old_size, proof=tuple(proof), note=note))


@contextmanager
def over_http(witness, number=1):
    """Serve a witness on a free port; give the client of it."""
    key = witness_key_of(witness_signer(number))
    with make_server("127.0.0.1", 0, witness, key.text) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield HttpWitness(url=f"http://127.0.0.1:{server.server_address[1]}", key=key)
        finally:
            server.shutdown()
            thread.join()
