"""Where everything of a sandbox lies; must not know what is in the files.

server.toml  policy.yaml  log.vkey  data/
ca/         ca.pem, ca.key                       the authority, to issue more
tls/        ca.pem, server.pem, server.key, denied.txt
keys/       master.key, log.key
parties/    <party>.toml, <party>/ (ca.pem, <party>.pem, <party>.key)
            <party>.officer.toml, <party>.officer/ (ca.pem, officer.pem, officer.key)
auditor.toml, auditor/   officer.toml, officer/   operator/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cleanroom.model.names import Actor, ActorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The paths of a sandbox of these parties, in policy order."""

    root: Path
    trust_domain: str
    collaboration: str
    parties: tuple[str, ...]

    @property
    def server_config(self) -> Path:
        """What `cleanroom serve --config` takes."""
        return self.root / "server.toml"

    @property
    def policy(self) -> Path:
        """The policy, byte for byte as it was given."""
        return self.root / "policy.yaml"

    @property
    def log_vkey(self) -> Path:
        """The log's verifier key as text."""
        return self.root / "log.vkey"

    @property
    def ca_certificate(self) -> Path:
        """The authority's certificate."""
        return self.root / "ca" / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The authority's key."""
        return self.root / "ca" / "ca.key"

    @property
    def denied(self) -> Path:
        """The deny list."""
        return self.root / "tls" / "denied.txt"

    @property
    def actors(self) -> tuple[Actor, ...]:
        """Everybody who gets a certificate: parties, their officers, the three of the operator's."""
        others = (ActorKind.AUDITOR, ActorKind.OFFICER, ActorKind.OPERATOR)
        parties = [self.actor(ActorKind.PARTY, name) for name in self.parties]
        officers = [self.officer(name) for name in self.parties]
        return (*parties, *officers, *(self.actor(kind, kind.value) for kind in others))

    def officer(self, party: str) -> Actor:
        """Return the identity of a party's officer, who agrees to policies in its name."""
        kind = ActorKind.OFFICER
        return Actor(trust_domain=self.trust_domain, kind=kind, party=party, name=kind.value)

    def actor(self, kind: ActorKind, name: str) -> Actor:
        """Return an identity of this sandbox's trust domain."""
        return Actor(trust_domain=self.trust_domain, kind=kind, name=name)

    def profile(self, name: str) -> Path:
        """Return the profile of a party, or else of `auditor` or `officer`."""
        kind = ActorKind.PARTY if name in self.parties else ActorKind(name)
        return self.profile_of(self.actor(kind, name))

    def profile_of(self, actor: Actor) -> Path:
        """Return the profile of an actor, beside the folder of its own files."""
        folder = self.folder(actor)
        return folder.parent / f"{folder.name}.toml"

    def folder(self, actor: Actor) -> Path:
        """Return the folder of an actor's own files."""
        if actor.party:
            return self.root / "parties" / f"{actor.party}.{actor.name}"  # no party has a dot
        base = self.root / "parties" if actor.kind is ActorKind.PARTY else self.root
        return base / actor.name

    def certificate(self, actor: Actor) -> Path:
        """Return the file of an actor's certificate; the key is beside it, ending in .key."""
        return self.folder(actor) / f"{actor.name}.pem"
