"""From identities to tokens: hashing to the curve, blinding, keyed hashes, key envelopes.

Standards: RFC 7748 (X25519), RFC 9380 (hashing to curves), RFC 9180 (HPKE).
"""

from cleanroom_client.blinding.hashed import hmac_tokens, sha256_tokens
from cleanroom_client.blinding.lists import blind, blind_identities, domain_tag
from cleanroom_client.blinding.points import BadPoint, PointFault, check_point
from cleanroom_client.blinding.pool import WorkerDied
from cleanroom_client.blinding.secret import BlindingKey, Entropy, PersonKey, SharedKey

__all__ = [
    "BadPoint",
    "BlindingKey",
    "Entropy",
    "PersonKey",
    "PointFault",
    "SharedKey",
    "WorkerDied",
    "blind",
    "blind_identities",
    "check_point",
    "domain_tag",
    "hmac_tokens",
    "sha256_tokens",
]
