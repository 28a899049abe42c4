"""Payloads that an entry commits to and that may be erased; must not know where they are kept.

An entry holds `<name>_commitment`, and the payload lies beside the log with a salt of its own.
Erased with its salt, it can no longer be searched for, however few its likely values are, and the
tree verifies as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cleanroom.audit.commitment import SALT_BYTES, commit
from cleanroom.audit.encoding import Json, decode_canonical, encode_canonical
from cleanroom.audit.entry import MAX_ENTRY_BYTES, Entry
from cleanroom.audit.errors import CommitmentInvalid

VERSION: Final = "cleanroom-payloads/v1"
SUFFIX: Final = "_commitment"
MAX_BESIDE_BYTES: Final = 1 << 27  # of a file: 256 entries with a long payload each, escaped
_KEYS: Final = frozenset({"content", "entry", "name", "salt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasable:
    """Text to be committed to as `name`, under a salt (16 bytes) of its own.

    Raises CommitmentInvalid for what cannot be one.
    """

    name: str
    salt: bytes = field(repr=False)
    content: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check every field."""
        if not self.name.isidentifier() or not self.name.isascii():
            raise CommitmentInvalid(why="a payload's name is a word")
        if len(self.salt) != SALT_BYTES:
            raise CommitmentInvalid(why=f"a payload's salt is not {SALT_BYTES} bytes long")
        if len(self.content) > MAX_ENTRY_BYTES:
            raise CommitmentInvalid(why="a payload is longer than an entry may be")

    @property
    def field_name(self) -> str:
        """The field of the entry that holds the commitment."""
        return self.name + SUFFIX

    @property
    def commitment(self) -> str:
        """What that field holds, in hex."""
        return commit(self.salt, self.content.encode()).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What is kept beside entry number `entry`."""

    entry: int
    kept: Erasable

    def __post_init__(self) -> None:
        """Check the index; raises CommitmentInvalid."""
        if type(self.entry) is not int or self.entry < 0:
            raise CommitmentInvalid(why="a payload's entry is an index")


def verify_payload(entry: Entry, payload: Payload) -> None:
    """Verify that the entry commits to this payload; raises CommitmentInvalid."""
    if entry.fields.get(payload.kept.field_name) != payload.kept.commitment:
        why = f"entry {payload.entry} does not commit to this {payload.kept.name}"
        raise CommitmentInvalid(why=why)


def opened(entry: Entry, payloads: Iterable[Payload]) -> Entry:
    """Return the entry as it reads with its payloads: each in the place of its commitment.

    Raises CommitmentInvalid for a payload that is not the entry's. The result is for reading: it
    is not what was logged.
    """
    fields = dict(entry.fields)
    for payload in payloads:
        verify_payload(entry, payload)
        del fields[payload.kept.field_name]
        fields[payload.kept.name] = payload.kept.content
    return replace(entry, fields=fields)


def encode_payloads(payloads: Sequence[Payload]) -> bytes:
    """Return payloads as a file of an export, by entry and name (RFC 8785)."""
    ordered = sorted(payloads, key=lambda payload: (payload.entry, payload.kept.name))
    return encode_canonical({"!v": VERSION, "payloads": [_to_json(p) for p in ordered]})


def decode_payloads(data: bytes) -> tuple[Payload, ...]:
    """Return the payloads of such a file; raises CommitmentInvalid for any other bytes."""
    try:
        value = decode_canonical(data)
        found = tuple(_from_json(each) for each in _listed(value))
    except ValueError as error:
        raise CommitmentInvalid(why=f"not a file of payloads: {error}") from None
    if encode_payloads(found) != data or len({(p.entry, p.kept.name) for p in found}) != len(found):
        raise CommitmentInvalid(why="not a file of payloads: out of order, or one stands twice")
    return found


def _to_json(payload: Payload) -> Mapping[str, Json]:
    return {
        "content": payload.kept.content,
        "entry": payload.entry,
        "name": payload.kept.name,
        "salt": payload.kept.salt.hex(),
    }


def _listed(value: Json) -> Sequence[Json]:
    if not isinstance(value, Mapping) or set(value) != {"!v", "payloads"}:
        raise ValueError("expected an object of version and payloads")
    listed = value["payloads"]
    if value["!v"] != VERSION or not isinstance(listed, list):
        raise ValueError(f"expected version {VERSION} and a list")
    return listed


def _from_json(value: Json) -> Payload:
    if not isinstance(value, Mapping) or set(value) != _KEYS:
        raise ValueError(f"a payload has exactly the keys {sorted(_KEYS)}")
    entry, name, salt, content = (value[key] for key in ("entry", "name", "salt", "content"))
    texts = (name, salt, content)
    if not isinstance(entry, int) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a payload's values have other types")
    kept = Erasable(name=str(name), salt=bytes.fromhex(str(salt)), content=str(content))
    return Payload(entry=entry, kept=kept)
