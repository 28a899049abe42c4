"""The rules for ASCII values over whole Arrow columns, natively or by pyarrow and hashlib.

Both ways give what `columns.identity` gives, or leave a value undecided for it: text beyond ASCII,
and phones that must be parsed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cleanroom_client.digests import chosen
from cleanroom_client.identifiers.identified import (
    DONE,
    IDENTITY_BYTES,
    STATUSES,
    UNDECIDED,
    Identified,
)
from cleanroom_client.identifiers.kinds import KeyColumn
from cleanroom_client.identifiers.normalise import MAX_CHARS
from cleanroom_client.identifiers.rejects import Reason

_MAX_UTF8 = 4  # bytes of a character
_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f "  # what \s of Python matches in ASCII
_EMAIL = r"^[^@\x00-\x20\x7f]+@[^@\x00-\x20\x7f]+$"
_GMAIL = "@gmail.com"
_E164 = r"^\+[1-9][0-9]{9,14}$"
_LETTER = r"[A-Za-z]"
_UUID = r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_NO_DEVICE = "00000000-0000-0000-0000-000000000000"
_HEX = r"^[0-9a-fA-F]{64}$"
# The two low bits of the last digit are beyond the 256: zeros are how a hash is written.
_BASE64 = r"^[0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=$"
_HASH_OF_NOTHING = np.frombuffer(hashlib.sha256(b"").digest(), dtype=np.uint8)

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


class Kind(IntEnum):
    """How the values of a column become identities; digests/native has the same numbers."""

    EMAIL = 0
    PHONE = 1
    DEVICE_ID = 2
    ISSUED_ID = 3
    READY_HASH = 4

    @classmethod
    def of(cls, column: KeyColumn) -> Kind:
        """Return the kind of a column."""
        match column:
            case KeyColumn.EMAIL:
                return cls.EMAIL
            case KeyColumn.PHONE:
                return cls.PHONE
            case KeyColumn.DEVICE_ID:
                return cls.DEVICE_ID
            case KeyColumn.LOYALTY_ID | KeyColumn.COOKIE | KeyColumn.EXTERNAL_ID:
                return cls.ISSUED_ID
            case KeyColumn.EMAIL_SHA256 | KeyColumn.PHONE_SHA256:
                return cls.READY_HASH


def identify(kind: Kind, texts: pa.Array, into: Identified) -> None:
    """Decide the values of a string or large_string array, null as empty, or leave them."""
    digests = chosen()
    if len(texts) == 0:
        return
    if digests is not None:
        digests.identify(kind, texts, into.digests.data, into.status.data)
        return
    encoded = texts.dictionary_encode()
    found = _each_once(kind, encoded.dictionary.cast(pa.large_string()))
    into.status[:] = STATUSES[Reason.EMPTY]
    into.put(_places(texts.is_valid()), found.take(encoded.indices.drop_null().to_numpy()))


def _each_once(kind: Kind, values: pa.Array) -> Identified:
    """Decide values without nulls."""
    found = Identified.undecided(len(values))
    is_endless = _flags(pc.greater(pc.binary_length(values), MAX_CHARS * _MAX_UTF8))
    found.status[is_endless] = STATUSES[Reason.TOO_LONG]
    places = np.flatnonzero(_flags(pc.string_is_ascii(values)) & ~is_endless)
    plain = values.take(pa.array(places))
    bare = pc.ascii_trim(plain, _SPACES)
    decided = _ready_hashes(bare) if kind is Kind.READY_HASH else _hashed(*_ruled(kind, bare))
    decided.status[_flags(pc.equal(pc.binary_length(bare), 0))] = STATUSES[Reason.EMPTY]
    decided.status[_flags(pc.greater(pc.binary_length(plain), MAX_CHARS))] = STATUSES[
        Reason.TOO_LONG
    ]
    decided.digests[decided.status != DONE] = 0
    found.put(places, decided)
    return found


def _ruled(kind: Kind, bare: pa.Array) -> tuple[pa.Array, Bytes]:
    """Return the one spelling of each trimmed value, and its status."""
    match kind:
        case Kind.EMAIL:
            return _emails(bare)
        case Kind.PHONE:
            return bare, _phones(bare)
        case Kind.DEVICE_ID:
            return _device_ids(bare)
        case Kind.ISSUED_ID:
            return bare, np.zeros(len(bare), dtype=np.uint8)
        case Kind.READY_HASH:
            raise AssertionError("a ready hash has no spelling to hash")


def _emails(bare: pa.Array) -> tuple[pa.Array, Bytes]:
    text = pc.ascii_lower(bare)
    is_email = _flags(pc.match_substring_regex(text, _EMAIL))
    is_gmail = pc.ends_with(text, _GMAIL)
    local = pc.replace_substring_regex(pc.utf8_slice_codeunits(text, 0, -len(_GMAIL)), r"\+.*$", "")
    local = pc.replace_substring(local, ".", "")
    is_email &= ~_flags(pc.and_(is_gmail, pc.equal(pc.binary_length(local), 0)))
    mailbox = pc.binary_join_element_wise(local, _scalar(_GMAIL), _scalar(""))
    return pc.if_else(is_gmail, mailbox, text), _status(is_email, Reason.NOT_AN_EMAIL)


def _phones(bare: pa.Array) -> Bytes:
    status = np.full(len(bare), UNDECIDED, dtype=np.uint8)
    has_letter = _flags(pc.match_substring_regex(bare, _LETTER))
    status[has_letter] = STATUSES[Reason.NOT_A_PHONE]
    status[_flags(pc.match_substring_regex(bare, _E164))] = DONE
    return status


def _device_ids(bare: pa.Array) -> tuple[pa.Array, Bytes]:
    text = pc.ascii_lower(bare)
    is_id = _flags(pc.match_substring_regex(text, _UUID))
    status = _status(is_id, Reason.NOT_A_DEVICE_ID)
    status[_flags(pc.equal(text, _scalar(_NO_DEVICE)))] = STATUSES[Reason.ZERO_DEVICE_ID]
    return text, status


def _ready_hashes(bare: pa.Array) -> Identified:
    found = Identified.undecided(len(bare))
    in_hex = _flags(pc.match_substring_regex(bare, _HEX))
    in_base64 = _flags(pc.match_substring_regex(bare, _BASE64))
    found.digests[in_hex] = _rows(map(bytes.fromhex, _texts(bare, in_hex)))
    found.digests[in_base64] = _rows(map(base64.b64decode, _texts(bare, in_base64)))
    found.status[:] = _status(in_hex | in_base64, Reason.NOT_A_HASH)
    is_nothing = (found.digests == _HASH_OF_NOTHING).all(axis=1)
    found.status[is_nothing] = STATUSES[Reason.HASH_OF_NOTHING]
    return found


def _hashed(texts: pa.Array, status: Bytes) -> Identified:
    found = Identified.undecided(len(texts))
    found.status[:] = status
    is_done = status == DONE
    messages = texts.filter(pa.array(is_done)).cast(pa.large_binary()).to_pylist()
    found.digests[is_done] = _rows(hashlib.sha256(message).digest() for message in messages)
    return found


def _texts(values: pa.Array, flags: Flags) -> list[str]:
    texts: list[str] = values.filter(pa.array(flags)).to_pylist()
    return texts


def _rows(digests: Iterable[bytes]) -> Bytes:
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, IDENTITY_BYTES)


def _status(is_done: Flags, otherwise: Reason) -> Bytes:
    return np.where(is_done, DONE, STATUSES[otherwise]).astype(np.uint8)


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _flags(values: pa.BooleanArray) -> Flags:
    flags: Flags = values.to_numpy(zero_copy_only=False)
    return flags


def _places(values: pa.BooleanArray) -> npt.NDArray[np.int64]:
    return np.flatnonzero(_flags(values))
