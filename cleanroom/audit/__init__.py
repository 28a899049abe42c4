"""The log's bytes: entries, Merkle tree, checkpoints, proofs, receipts; knows no storage or protobuf.

Everything here is a pure function of its arguments, so the same code writes the log in the service
and verifies it offline on a partner's machine.

Sources: RFC 6962 and RFC 9162 (tree and proofs), RFC 8785 (canonical JSON), RFC 8032 (Ed25519),
C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-tiles and tlog-witness.
"""
