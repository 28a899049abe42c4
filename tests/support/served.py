"""A service behind the real gRPC server with mutual TLS, in the test's process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from cleanroom.rpc.server import RunningServer, ServerSettings, start
from cleanroom.sandbox.pki import Credential, create_authority, issue
from cleanroom.usecases.service import Service

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
DOMAIN = "room.test"


@dataclass
class Served:
    """A running server and the authority that it trusts."""

    server: RunningServer
    authority: Credential
    denied: set[str]
    folder: Path
    channels: list[grpc.Channel] = field(default_factory=list)

    def channel(self, *names: str, **odd: object) -> grpc.Channel:
        """Return a channel of a new client certificate with these names."""
        period = {"not_before": START, "not_after": END} | odd
        return self.channel_of(issue(self.authority, names, **period))

    def party(self, name: str) -> grpc.Channel:
        return self.channel(f"spiffe://{DOMAIN}/party/{name}")

    def channel_of(self, credential: Credential | None) -> grpc.Channel:
        credentials = grpc.ssl_channel_credentials(
            self.authority.certificate_pem,
            credential and credential.key_pem,
            credential and credential.certificate_pem,
        )
        channel = grpc.secure_channel(f"localhost:{self.server.port}", credentials)
        self.channels.append(channel)
        return channel


@contextmanager
def served(service: Service, folder: Path, **odd: object) -> Iterator[Served]:
    """Serve until the block ends."""
    authority = create_authority(
        "test", not_before=START - timedelta(days=1), not_after=END + timedelta(days=1)
    )
    own = issue(
        authority, ["localhost"], not_before=START, not_after=END, client=False, server=True
    )
    for name, data in (
        ("ca.pem", authority.certificate_pem),
        ("server.pem", own.certificate_pem),
        ("server.key", own.key_pem),
    ):
        (folder / name).write_bytes(data)
    denied: set[str] = set()
    settings = {
        "listen": "localhost:0",
        "trust_domain": DOMAIN,
        "ca": folder / "ca.pem",
        "certificate": folder / "server.pem",
        "key": folder / "server.key",
        "denied": lambda: frozenset(denied),
        "workers": 8,
        "calls_per_second": 1000.0,
        "burst": 1000,
        "quantum_s": 0.0,
    }
    running = start(service, ServerSettings(**(settings | odd)))
    result = Served(server=running, authority=authority, denied=denied, folder=folder)
    try:
        yield result
    finally:
        for channel in result.channels:
            channel.close()
        running.stop(0)


def reason_of(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    """Return an error's code and the reason of its ErrorInfo."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    if status is None or not status.details or not status.details[0].Unpack(info):
        return error.code(), ""
    return error.code(), info.reason
