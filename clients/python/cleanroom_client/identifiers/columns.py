"""From values to 32-byte identities, one and by the column; knows nothing of tokens or files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

import numpy as np
import pyarrow as pa

from cleanroom_client.identifiers.ascii_rules import Kind, identify
from cleanroom_client.identifiers.identified import UNDECIDED, Identified
from cleanroom_client.identifiers.kinds import KeyColumn, KeyType
from cleanroom_client.identifiers.normalise import normalise, trimmed
from cleanroom_client.identifiers.rejects import Reason, RejectReport, Unparseable

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9A-Za-z+/]{43}=")
_HASH_OF_NOTHING = hashlib.sha256(b"").digest()


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
    """Return the 32-byte identities of a text column, null where there is none, and the rejects.

    Null and blank values count as `empty`. Equals `identity` value by value; each distinct text
    beyond the rules for ASCII goes through it once. Raises TypeError for a column that is not of
    text, never for a value.
    """
    key_column = KeyColumn(kind)
    found = Identified.undecided(len(column))
    known: dict[str, bytes | Reason] = {}
    at = 0
    for texts in _text_chunks(column):
        part = found.part(at, len(texts))
        identify(Kind.of(key_column), texts, part)
        _refer(key_column, region, texts, part, known)
        at += len(texts)
    return found.array(), RejectReport(by_reason=found.rejects())


def _text_chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    """Return the column's chunks as string or large_string arrays."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string_view(kind) or pa.types.is_null(kind):
        kind = pa.large_string()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TypeError(f"match keys are read from a column of text, not of {column.type}")
    return [chunk.cast(kind) for chunk in chunks]


def _refer(
    kind: KeyColumn,
    region: str | None,
    texts: pa.Array,
    found: Identified,
    known: dict[str, bytes | Reason],
) -> None:
    """Settle the values that are undecided, each distinct text once."""
    places = np.flatnonzero(found.status == UNDECIDED)
    if not len(places):
        return
    values = texts.take(pa.array(places)).to_pylist()
    for text in values:
        if text not in known:
            known[text] = _identity_or_reason(kind, text, region)
    found.settle(places, [known[text] for text in values])


def _identity_or_reason(kind: KeyColumn, text: str, region: str | None) -> bytes | Reason:
    try:
        return identity(kind, text, region)
    except Unparseable as error:
        return error.reason
