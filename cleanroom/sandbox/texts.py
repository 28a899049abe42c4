"""The configuration and the profiles of a sandbox as text; must not know keys or folders."""

from __future__ import annotations

import json
from typing import Final

from cleanroom.config import VERSION as SERVER_VERSION
from cleanroom.model.names import Actor, ActorKind

PROFILE_VERSION: Final = "cleanroom-profile/v1"
SERVER_NAME: Final = "localhost"
_ANY_HOST: Final = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - told apart, not listened on

DENIED: Final = """\
# Refused callers, one a line: the SHA-256 fingerprint of a certificate, or spiffe://domain/kind/name
"""


def server_toml(*, listen: str, trust_domain: str) -> str:
    """Return the text of server.toml."""
    return f"""\
version = {_quoted(SERVER_VERSION)}
listen = {_quoted(listen)}
trust_domain = {_quoted(trust_domain)}
data = "data"
master_key = "keys/master.key"

[log]
name = {_quoted(log_name(trust_domain))}
key = "keys/log.key"

[tls]
ca = "tls/ca.pem"
certificate = "tls/server.pem"
key = "tls/server.key"
denied = "tls/denied.txt"

[bootstrap]
policy = "policy.yaml"
"""


def profile_toml(
    actor: Actor, *, folder: str, server: str, collaboration: str, log_key: str
) -> str:
    """Return the text of a profile that lies beside the folder of its actor's files."""
    name = actor.name
    lines = {
        "version": PROFILE_VERSION,
        "kind": actor.kind.value,
        "name": name,
        "server": server,
        "server_name": SERVER_NAME,
        "trust_domain": actor.trust_domain,
        "collaboration": collaboration,
        "ca": f"{folder}/ca.pem",
        "certificate": f"{folder}/{name}.pem",
        "key": f"{folder}/{name}.key",
        "log_key": log_key,
    }
    if actor.party:
        lines["party"] = actor.party
    if actor.kind is ActorKind.PARTY:
        lines["keystore"] = f"{folder}/{name}.keystore"
    return "".join(f"{key} = {_quoted(value)}\n" for key, value in lines.items())


def log_name(trust_domain: str) -> str:
    """Return the name of the sandbox's log."""
    return f"{trust_domain}/log"


def reachable(listen: str) -> str:
    """Return where a client on this machine finds a server that listens on `listen`."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in _ANY_HOST else listen


def _quoted(text: str) -> str:
    return json.dumps(text)  # a JSON string is a TOML basic string
