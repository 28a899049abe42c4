"""Match keys: their types, the normalisation profile, and the 32-byte identities made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanroom_client.lazily import fetcher

# Arrow and phone numbers take half of a command's start, and most commands do without.
if TYPE_CHECKING:
    from cleanroom_client.identifiers.columns import identities, identity
    from cleanroom_client.identifiers.kinds import PROFILE, KeyColumn, KeyType
    from cleanroom_client.identifiers.rejects import Reason, RejectReport, Unparseable

__all__ = [
    "PROFILE",
    "KeyColumn",
    "KeyType",
    "Reason",
    "RejectReport",
    "Unparseable",
    "identities",
    "identity",
]

__getattr__ = fetcher(
    __name__,
    {
        "KeyColumn": "kinds",
        "KeyType": "kinds",
        "PROFILE": "kinds",
        "Reason": "rejects",
        "RejectReport": "rejects",
        "Unparseable": "rejects",
        "identities": "columns",
        "identity": "columns",
    },
)
