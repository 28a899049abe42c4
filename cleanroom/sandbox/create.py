"""Makes a sandbox, whole or not at all; must not know a terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cleanroom.audit.note import verifier_of
from cleanroom.config import check_listen, check_trust_domain
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import ActorKind
from cleanroom.policy.parse import parse_policy
from cleanroom.ports.environment import Clock, Entropy
from cleanroom.sandbox.layout import Sandbox
from cleanroom.sandbox.pki import Credential, create_authority, issue
from cleanroom.sandbox.texts import (
    DENIED,
    SERVER_NAME,
    log_name,
    profile_toml,
    reachable,
    server_toml,
)
from cleanroom.storage.files import write_new
from cleanroom.storage.keys import create_master_key
from cleanroom.wiring.environment import SystemClock, SystemEntropy
from cleanroom.wiring.opening import create_log_key

LISTEN: Final = "127.0.0.1:8443"
TRUST_DOMAIN: Final = "cleanroom.test"
DAYS: Final = 30
MAX_DAYS: Final = 3650
_SKEW: Final = timedelta(hours=1)  # clocks of other machines may run behind
_FOLDERS: Final = ("ca", "tls", "keys", "data", "parties")


class SandboxRefused(Exception):
    """The folder cannot become a sandbox; one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the sandbox is reached and how long its certificates hold; raises FieldInvalid."""

    listen: str = LISTEN
    trust_domain: str = TRUST_DOMAIN
    days: int = DAYS

    def __post_init__(self) -> None:
        """Check every field."""
        check_listen(self.listen)
        check_trust_domain(self.trust_domain)
        if not 1 <= self.days <= MAX_DAYS:
            raise FieldInvalid(field="days", expected=f"1 to {MAX_DAYS}")


def create_sandbox(
    directory: Path,
    policy: bytes,
    *,
    options: Options | None = None,
    policy_file: str = "policy.yaml",
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Sandbox:
    """Make authority, keys, certificates, configuration and profiles under `directory`.

    All or nothing: everything is made beside it and renamed. `policy_file` is how problems name
    the policy. Raises PolicyInvalidError, SandboxRefused, OSError; nothing is left behind then.
    """
    chosen, directory = options or Options(), directory.absolute()
    parsed = parse_policy(policy, policy_file)
    _check_free(directory)
    entropy = entropy or SystemEntropy()
    now = datetime.fromtimestamp((clock or SystemClock()).now_s(), UTC)
    sandbox = Sandbox(
        root=directory,
        trust_domain=chosen.trust_domain,
        collaboration=parsed.collaboration,
        parties=tuple(party.name for party in parsed.parties),
    )
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _beside(directory, entropy) as unfinished:
        making = replace(sandbox, root=unfinished)
        _make_files(making, policy, chosen, now, entropy)
        # A crash before this leaves a hidden folder that nothing reads; after it, the sandbox.
        unfinished.rename(directory)
    return sandbox


def point_to(sandbox: Sandbox, server: str) -> None:
    """Write `host:port` into every profile: where a server on any free port turned out to be."""
    _write_profiles(sandbox, server, sandbox.log_vkey.read_text(encoding="utf-8").strip())


def _check_free(directory: Path) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        raise SandboxRefused(f"{directory} is not empty: name a new folder")
    if directory.exists() and not directory.is_dir():
        raise SandboxRefused(f"{directory} is not a folder: name a new one")


@contextmanager
def _beside(directory: Path, entropy: Entropy) -> Iterator[Path]:
    unfinished = directory.with_name(f".{directory.name}.{entropy.token_bytes(6).hex()}")
    unfinished.mkdir(mode=0o700)
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)  # gone already when all went well


def _make_files(
    sandbox: Sandbox, policy: bytes, options: Options, now: datetime, entropy: Entropy
) -> None:
    root = sandbox.root
    for name in _FOLDERS:
        (root / name).mkdir(mode=0o700)
    write_new(sandbox.policy, policy)
    text = server_toml(listen=options.listen, trust_domain=options.trust_domain)
    write_new(sandbox.server_config, text.encode())
    create_master_key(root / "keys" / "master.key", entropy)
    log_key = _make_log_key(sandbox)
    _make_certificates(sandbox, options, now)
    _write_profiles(sandbox, reachable(options.listen), log_key)


def _make_log_key(sandbox: Sandbox) -> str:
    name = log_name(sandbox.trust_domain)
    text = verifier_of(create_log_key(name, sandbox.root / "keys" / "log.key")).text
    write_new(sandbox.log_vkey, f"{text}\n".encode())
    return text


def _make_certificates(sandbox: Sandbox, options: Options, now: datetime) -> None:
    start, end = now - _SKEW, now + timedelta(days=options.days)
    name = f"{sandbox.trust_domain} sandbox authority"
    authority = create_authority(name, not_before=start, not_after=end)
    tls = sandbox.root / "tls"
    _write_credential(authority, sandbox.ca_certificate)
    write_new(tls / "ca.pem", authority.certificate_pem)
    write_new(sandbox.denied, DENIED.encode())
    server = issue(
        authority,
        _server_names(options.listen),
        not_before=start,
        not_after=end,
        client=False,
        server=True,
        common_name=SERVER_NAME,
    )
    _write_credential(server, tls / "server.pem")
    for actor in sandbox.actors:
        sandbox.folder(actor).mkdir(mode=0o700)
        held = issue(
            authority, [str(actor)], not_before=start, not_after=end, common_name=actor.short
        )
        _write_credential(held, sandbox.certificate(actor))
        write_new(sandbox.folder(actor) / "ca.pem", authority.certificate_pem)


def _server_names(listen: str) -> tuple[str, ...]:
    host = reachable(listen).rpartition(":")[0].strip("[]")
    return tuple(dict.fromkeys((SERVER_NAME, "127.0.0.1", host)))


def _write_credential(credential: Credential, certificate: Path) -> None:
    write_new(certificate, credential.certificate_pem)
    write_new(certificate.with_suffix(".key"), credential.key_pem)


def _write_profiles(sandbox: Sandbox, server: str, log_key: str) -> None:
    for actor in sandbox.actors:
        if actor.kind is ActorKind.OPERATOR:
            continue  # the operator uses `cleanroom` and the configuration
        text = profile_toml(
            actor,
            folder=sandbox.folder(actor).name,
            server=server,
            collaboration=sandbox.collaboration,
            log_key=log_key,
        )
        path = sandbox.profile_of(actor)
        path.unlink(missing_ok=True)
        write_new(path, text.encode())
