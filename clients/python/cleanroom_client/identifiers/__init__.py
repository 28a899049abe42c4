"""Match keys: their types, the normalisation profile, and the 32-byte identities made of them."""

from cleanroom_client.identifiers.columns import RejectReport, identities, identity
from cleanroom_client.identifiers.kinds import KeyColumn, KeyType
from cleanroom_client.identifiers.normalise import PROFILE, Reason, Unparseable, normalise

__all__ = [
    "PROFILE",
    "KeyColumn",
    "KeyType",
    "Reason",
    "RejectReport",
    "Unparseable",
    "identities",
    "identity",
    "normalise",
]
