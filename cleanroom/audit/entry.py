"""One decision as log bytes: canonical JSON that opens with its version; must not know the tree.

Entries hold names, digests, losses and reasons.
They never hold tokens, exact counts or noise: the callers that fill `fields` keep that promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cleanroom.audit.commitment import SALT_BYTES
from cleanroom.audit.encoding import (
    MAX_EXACT_INTEGER,
    Json,
    decode_canonical,
    encode_canonical,
    plain_json,
)
from cleanroom.audit.errors import EntryInvalid

VERSION: Final = "cleanroom-log/v1"
MAX_ENTRY_BYTES: Final = 65_535  # C2SP tlog-tiles: entries are stored with a 16-bit length

# "!" sorts before every letter, so the canonical bytes open with {"!v":"cleanroom-log/v1".
_KEYS: Final = frozenset({"!v", "actor", "collaboration", "fields", "kind", "salt", "time_s"})


class EntryKind(StrEnum):
    """What an entry speaks of; a kind a reader does not know is refused."""

    POLICY_PROPOSED = "policy_proposed"
    POLICY_ACCEPTED = "policy_accepted"
    POLICY_IN_FORCE = "policy_in_force"
    UPLOAD_STARTED = "upload_started"
    VERSION_SEALED = "version_sealed"
    VERSION_ERASED = "version_erased"
    VERSION_COMPACTED = "version_compacted"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    RELAY_PASSED = "relay_passed"
    RELAY_MISBEHAVED = "relay_misbehaved"
    QUESTION_RESERVED = "question_reserved"
    QUESTION_RELEASED = "question_released"
    QUESTION_REPEATED = "question_repeated"
    QUESTION_REFUSED = "question_refused"
    QUESTION_FAILED = "question_failed"
    AUTHENTICATION_FAILED = "authentication_failed"
    ADMINISTRATIVE = "administrative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision: what, when (unix seconds), by whom, in which collaboration, and its facts.

    `collaboration` is None where no single one is concerned.
    `fields` is copied at construction; integers beyond 2^53 - 1 in it become decimal text.
    `salt` is 16 fresh random bytes, also the salt of every commitment among the fields.
    Raises EntryInvalid for an empty name, a fraction, or anything else that cannot be written.
    """

    kind: EntryKind
    time_s: int
    actor: str
    collaboration: str | None
    fields: Mapping[str, Json]
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check every field and take an own copy of `fields`."""
        if not isinstance(self.kind, EntryKind):
            raise EntryInvalid(why="the kind is not one of the listed kinds")
        _check_time(self.time_s)
        _check_name("actor", self.actor)
        if self.collaboration is not None:
            _check_name("collaboration", self.collaboration)
        if not isinstance(self.salt, bytes) or len(self.salt) != SALT_BYTES:
            raise EntryInvalid(why=f"the salt is not {SALT_BYTES} bytes long")
        object.__setattr__(self, "fields", _plain_fields(self.fields))


def encode_entry(entry: Entry) -> bytes:
    """Return the RFC 8785 bytes of an entry; raises EntryInvalid beyond 65,535 bytes."""
    data = encode_canonical(
        {
            "!v": VERSION,
            "actor": entry.actor,
            "collaboration": entry.collaboration,
            "fields": entry.fields,
            "kind": entry.kind.value,
            "salt": entry.salt.hex(),
            "time_s": entry.time_s,
        }
    )
    _check_length(data)
    return data


def decode_entry(data: bytes) -> Entry:
    """Return the entry of exactly these bytes: the inverse of `encode_entry`.

    Raises EntryInvalid, and nothing else, for bytes that `encode_entry` would not have written.
    """
    _check_length(data)
    try:
        value = decode_canonical(data)
    except ValueError as error:
        raise EntryInvalid(why=str(error)) from error
    if not isinstance(value, Mapping) or frozenset(value) != _KEYS:
        raise EntryInvalid(why=f"it must be an object of exactly the keys {sorted(_KEYS)}")
    if value["!v"] != VERSION:
        raise EntryInvalid(why=f"its version is not {VERSION}")
    return Entry(
        kind=_kind(value["kind"]),
        time_s=_integer(value["time_s"]),
        actor=_text("actor", value["actor"]),
        collaboration=_optional_text("collaboration", value["collaboration"]),
        fields=_object(value["fields"]),
        salt=_salt(value["salt"]),
    )


def _check_length(data: bytes) -> None:
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryInvalid(why=f"it is {len(data)} bytes long, at most {MAX_ENTRY_BYTES} fit")


def _check_time(time_s: int) -> None:
    if type(time_s) is not int or not 0 <= time_s <= MAX_EXACT_INTEGER:
        raise EntryInvalid(why="time_s is not a whole number of unix seconds")


def _check_name(key: str, text: str) -> None:
    if not isinstance(text, str) or not text:
        raise EntryInvalid(why=f"{key} is empty or not text")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise EntryInvalid(why=f"{key} is not valid Unicode") from None


def _plain_fields(fields: Mapping[str, Json]) -> Mapping[str, Json]:
    try:
        plain = plain_json(fields, depth=1)  # inside the entry, which is level 0
    except ValueError as error:
        raise EntryInvalid(why=f"fields: {error}") from error
    return _object(plain)


def _kind(value: Json) -> EntryKind:
    try:
        return EntryKind(_text("kind", value))
    except ValueError:
        raise EntryInvalid(why="its kind is not known to this version") from None


def _integer(value: Json) -> int:
    if type(value) is not int:
        raise EntryInvalid(why="time_s is not a whole number of unix seconds")
    return value


def _text(key: str, value: Json) -> str:
    if not isinstance(value, str):
        raise EntryInvalid(why=f"{key} is not text")
    return value


def _optional_text(key: str, value: Json) -> str | None:
    return None if value is None else _text(key, value)


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise EntryInvalid(why="fields is not an object")
    return value


def _salt(value: Json) -> bytes:
    text = _text("salt", value)
    try:
        salt = bytes.fromhex(text)
    except ValueError:
        raise EntryInvalid(why="the salt is not hexadecimal") from None
    if salt.hex() != text:  # capitals and spaces, which fromhex forgives
        raise EntryInvalid(why="the salt is not lowercase hexadecimal")
    return salt
