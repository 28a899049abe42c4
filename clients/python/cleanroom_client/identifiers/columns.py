"""From values to 32-byte identities, one and by the column; knows nothing of tokens or files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa

from cleanroom_client.identifiers.kinds import KeyColumn, KeyType
from cleanroom_client.identifiers.normalise import Reason, Unparseable, normalise, trimmed

IDENTITY_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/]{43}=")
_HASH_OF_NOTHING = hashlib.sha256(b"").digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectReport:
    """How many values of a column became no identity, by reason; holds no value."""

    by_reason: Mapping[Reason, int] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Refuse impossible counts and freeze the mapping."""
        if any(count <= 0 for count in self.by_reason.values()):
            msg = "a reason in a reject report counts at least one value"
            raise ValueError(msg)
        object.__setattr__(self, "by_reason", MappingProxyType(dict(self.by_reason)))

    def __add__(self, other: RejectReport) -> RejectReport:
        """Return the report of both."""
        return RejectReport(by_reason=Counter(self.by_reason) + Counter(other.by_reason))

    @property
    def empty(self) -> int:
        """Values that were blank: normal in real lists, no sign of an error."""
        return self.by_reason.get(Reason.EMPTY, 0)

    @property
    def unparseable(self) -> int:
        """Values that were there but could not be read."""
        return sum(self.by_reason.values()) - self.empty


def identity(kind: KeyColumn | KeyType, text: str, region: str | None) -> bytes:
    """Return the 32-byte identity of `text`: SHA-256 of its normalised UTF-8.

    A `*_sha256` column holds that hash already, as 64 hex digits or 44 characters of base64.
    Raises Unparseable.
    """
    column = KeyColumn(kind)
    if column.hashed:
        return _ready_hash(text)
    return hashlib.sha256(normalise(column.key_type, text, region).encode()).digest()


def _ready_hash(text: str) -> bytes:
    bare = trimmed(text)
    if _HEX.fullmatch(bare):
        digest = bytes.fromhex(bare)
    elif _BASE64.fullmatch(bare):
        digest = _canonical_base64(bare)
    else:
        raise Unparseable(Reason.NOT_A_HASH)
    # A blank cell hashed by somebody's script is the commonest "match" of two real lists.
    if digest == _HASH_OF_NOTHING:
        raise Unparseable(Reason.HASH_OF_NOTHING)
    return digest


def _canonical_base64(bare: str) -> bytes:
    """Decode; two spellings of one hash would be two tokens' worth of doubt, so refuse one."""
    try:
        digest = base64.b64decode(bare, validate=True)
    except binascii.Error:
        raise Unparseable(Reason.NOT_A_HASH) from None
    if base64.b64encode(digest).decode() != bare:
        raise Unparseable(Reason.NOT_A_HASH)
    return digest


def identities(
    kind: KeyColumn | KeyType,
    column: pa.Array | pa.ChunkedArray,
    region: str | None,
) -> tuple[pa.FixedSizeBinaryArray, RejectReport]:
    """Return one identity (32 bytes) or null per value of a text column, and the rejects.

    Null and blank values count as `empty`. Never raises for a value.
    """
    rejects: Counter[Reason] = Counter()
    known: dict[str, bytes | Reason] = {}
    found = list(_each(KeyColumn(kind), column, region, rejects, known))
    return pa.array(found, pa.binary(IDENTITY_BYTES)), RejectReport(by_reason=rejects)


def _each(
    kind: KeyColumn,
    column: pa.Array | pa.ChunkedArray,
    region: str | None,
    rejects: Counter[Reason],
    known: dict[str, bytes | Reason],
) -> Iterator[bytes | None]:
    for text in column.to_pylist():
        found = known.get(text or "")
        if found is None:
            found = known[text or ""] = _identity_or_reason(kind, text or "", region)
        if isinstance(found, Reason):
            rejects[found] += 1
            yield None
        else:
            yield found


def _identity_or_reason(kind: KeyColumn, text: str, region: str | None) -> bytes | Reason:
    try:
        return identity(kind, text, region)
    except Unparseable as error:
        return error.reason
