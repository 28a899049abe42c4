"""The profile file: who I am, where the service is, whom I trust; knows no connection.

The format is TOML with a version; unknown keys are refused, paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from cleanroom.audit.errors import NoteInvalid
from cleanroom.audit.note import NoteVerifier
from cleanroom_client.errors import ProfileInvalid

VERSION = "cleanroom-profile/v1"
_TEXTS = ("version", "kind", "name", "server", "server_name", "trust_domain", "log_key")
_PATHS = ("ca", "certificate", "key")
_OPTIONAL = ("collaboration", "keystore", "party")


class Kind(StrEnum):
    """What the certificate says its holder is."""

    PARTY = "party"
    OFFICER = "officer"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A parsed profile; only a party's must name a collaboration and a keystore.

    An officer's may name the party for which it agrees to policies.
    """

    path: Path
    kind: Kind
    name: str
    server: str  # host:port
    server_name: str  # the name in the service's certificate
    trust_domain: str
    ca: Path
    certificate: Path
    key: Path
    log_key: NoteVerifier
    collaboration: str = ""
    keystore: Path | None = None
    party: str = ""  # of an officer

    def __post_init__(self) -> None:
        """Refuse a server without a port, and a party without its own parts."""
        host, _, port = self.server.rpartition(":")
        if not host or not port.isascii() or not port.isdigit():
            raise ProfileInvalid(f"{self.path}: server: expected host:port, as in 127.0.0.1:8443")
        if self.kind is Kind.PARTY and (not self.collaboration or self.keystore is None):
            raise ProfileInvalid(f"{self.path}: a party's profile needs collaboration and keystore")
        if self.party and self.kind is not Kind.OFFICER:
            raise ProfileInvalid(f"{self.path}: party: only an officer's profile names one")

    @property
    def identity(self) -> str:
        """The URI that the certificate must hold."""
        holder = "/".join(part for part in (self.kind, self.party, self.name) if part)
        return f"spiffe://{self.trust_domain}/{holder}"

    @property
    def acts_for(self) -> str:
        """The party in whose name it may agree to policies; "" for none."""
        return self.name if self.kind is Kind.PARTY else self.party

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a profile; raises ProfileInvalid naming the file and the first key at fault."""
        path = Path(path)
        values = _read(path)
        log_key = _log_key(path, values.pop("log_key"))
        folder = path.parent
        return cls(
            path=path,
            kind=_kind(path, values["kind"]),
            name=values["name"],
            server=values["server"],
            server_name=values["server_name"],
            trust_domain=values["trust_domain"],
            ca=folder / values["ca"],
            certificate=folder / values["certificate"],
            key=folder / values["key"],
            log_key=log_key,
            collaboration=values.get("collaboration", ""),
            keystore=folder / values["keystore"] if values.get("keystore") else None,
            party=values.get("party", ""),
        )


def _read(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProfileInvalid(f"{path}: there is no profile here") from None
    except OSError as error:
        raise ProfileInvalid(f"{path}: the profile cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProfileInvalid(f"{path}: the profile is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileInvalid(f"{path}: the profile is not valid TOML: {error}") from None
    return _checked(path, document)


def _checked(path: Path, document: Mapping[str, object]) -> dict[str, str]:
    """Return the document once its version, keys and types are as they must be."""
    if document.get("version") != VERSION:
        raise ProfileInvalid(f'{path}: version: expected version = "{VERSION}"')
    known = (*_TEXTS, *_PATHS, *_OPTIONAL)
    if unknown := sorted(set(document) - set(known)):
        raise ProfileInvalid(f"{path}: unknown key {unknown[0]}: known are {', '.join(known)}")
    values = {name: value for name, value in document.items() if isinstance(value, str)}
    for name in document:
        if name not in values:
            raise ProfileInvalid(f"{path}: {name}: expected text in quotes")
    for name in (*_TEXTS, *_PATHS):
        if not values.get(name):
            raise ProfileInvalid(f"{path}: the key {name} is missing or empty")
    return values


def _kind(path: Path, text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise ProfileInvalid(f"{path}: kind: expected one of {', '.join(Kind)}") from None


def _log_key(path: Path, text: str) -> NoteVerifier:
    try:
        return NoteVerifier.parse(text)
    except NoteInvalid as error:
        raise ProfileInvalid(f"{path}: log_key: {error.why}") from None
