"""SHA-256 of many values at once: identities of columns, HMACs of lists; knows no token schemes.

Standards: FIPS 180-4 (SHA-256), RFC 2104 (HMAC).
"""

from cleanroom_client.digests.hmacs import ITEM_BYTES, Packed, hmac_items
from cleanroom_client.digests.native import PYTHON, VARIABLE, Digests, available, chosen, named

__all__ = [
    "ITEM_BYTES",
    "PYTHON",
    "VARIABLE",
    "Digests",
    "Packed",
    "available",
    "chosen",
    "hmac_items",
    "named",
]
