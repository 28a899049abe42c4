"""A log in memory and ready-made entries and receipts; must not know any store."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.audit.checkpoint import Checkpoint, sign_checkpoint
from cleanroom.audit.commitment import commit
from cleanroom.audit.entry import Entry, EntryKind, encode_entry
from cleanroom.audit.note import Ed25519Signer, verifier_of
from cleanroom.audit.receipt import build_receipt
from cleanroom.audit.tree import appended_nodes, inclusion_proof, leaf_hash, root

ORIGIN = "cleanroom.example/log"
SIGNER = Ed25519Signer(name=ORIGIN, key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
LOG_KEY = verifier_of(SIGNER)
STRANGER = Ed25519Signer(name=ORIGIN, key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
MEASUREMENT = '{"family":"match_rate","cells":[{"value":0.5925,"note":"métro"}]}'.encode()


class MemoryTree:
    """Stores complete-subtree nodes the way a store does, and counts the reads."""

    def __init__(self, entries=()):
        self.nodes = {}
        self.size = 0
        self.reads = 0
        for entry in entries:
            self.append(leaf_hash(entry))

    def append(self, leaf):
        for level, index, value in appended_nodes(self.size, leaf, self.read_node):
            assert (level, index) not in self.nodes, "a node is written once"
            self.nodes[level, index] = value
        self.size += 1

    def read_node(self, level, index):
        self.reads += 1
        return self.nodes[level, index]


def some_entry(number, **changes):
    """Return entry number `number` of an example log."""
    values = {
        "kind": EntryKind.QUESTION_RESERVED,
        "time_s": 1_760_000_000 + number,
        "actor": "acme-brand",
        "collaboration": "spring-campaign",
        "fields": {"question": f"q{number}", "loss_nano_rho": number, "allowed": True},
        "salt": hashlib.sha256(b"salt %d" % number).digest()[:16],
    }
    return Entry(**(values | changes))


def some_log(size):
    """Return the encoded entries of an example log."""
    return [encode_entry(some_entry(number)) for number in range(size)]


def released_entry(measurement=MEASUREMENT, **changes):
    """Return the entry that releases a measurement."""
    salt = bytes(range(16))
    fields = {"measurement_commitment": commit(salt, measurement).hex()}
    values = {"kind": EntryKind.QUESTION_RELEASED, "fields": fields, "salt": salt}
    return some_entry(7, **(values | changes))


def checkpoint_of(entries):
    """Return the unsigned checkpoint of a log."""
    tree = MemoryTree(entries)
    return Checkpoint(origin=ORIGIN, size=tree.size, root=root(tree.size, tree.read_node))


def some_receipt(*, index=5, size=11, entry=None, signer=SIGNER, measurement=MEASUREMENT):
    """Return a receipt for the entry at `index` of an example log of `size`."""
    log = some_log(size)
    log[index] = encode_entry(released_entry() if entry is None else entry)
    tree = MemoryTree(log)
    return build_receipt(
        measurement=measurement,
        entry=log[index],
        index=index,
        proof=inclusion_proof(index, size, tree.read_node),
        checkpoint_note=sign_checkpoint(checkpoint_of(log), signer),
    )


def changed(data, position, difference=1):
    """Return the bytes with one byte exchanged for another."""
    copy = bytearray(data)
    copy[position] ^= difference
    return bytes(copy)
