"""The gRPC server: mutual TLS only, guarded methods, health, reflection, graceful drain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from cleanroom.rpc.analysis import AnalysisServicer
from cleanroom.rpc.audit import AuditServicer
from cleanroom.rpc.collaboration import CollaborationServicer
from cleanroom.rpc.dataset import DatasetServicer
from cleanroom.rpc.guard import Guard
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.ledger import LedgerServicer
from cleanroom.rpc.limits import Pace, Streams, TokenBuckets
from cleanroom.rpc.relay import RelayServicer
from cleanroom.rpc.signatures import Signatures
from cleanroom.usecases.inspect import note_refused_caller
from cleanroom.usecases.service import Service
from cleanroom.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    collaboration_pb2,
    collaboration_pb2_grpc,
    dataset_pb2,
    dataset_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    relay_pb2,
    relay_pb2_grpc,
)

MAX_MESSAGE_BYTES = 4 << 20
MAX_ANSWER_BYTES = 64 << 20  # a receipt of a lift in the most cells has about 40 MiB
_FILES = (analysis_pb2, audit_pb2, collaboration_pb2, dataset_pb2, ledger_pb2, relay_pb2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where to listen, whom to trust, how much to bear."""

    listen: str
    trust_domain: str
    ca: Path
    certificate: Path
    key: Path
    denied: Callable[[], frozenset[str]]
    workers: int
    calls_per_second: float
    burst: int
    quantum_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that takes calls on `port` until it is stopped."""

    port: int
    _server: grpc.Server
    _health: health.HealthServicer

    def stop(self, grace_s: float) -> None:
        """Tell health checks, take no new calls, and give those under way `grace_s` to end."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()

    def wait(self) -> None:
        """Block until the server has stopped."""
        self._server.wait_for_termination()


def start(service: Service, settings: ServerSettings) -> RunningServer:
    """Start serving; raises OSError when the address cannot be had."""
    identities = Identities(
        trust_domain=settings.trust_domain, clock=service.clock, denied=settings.denied
    )
    server = grpc.server(
        ThreadPoolExecutor(max_workers=settings.workers, thread_name_prefix="rpc"),
        interceptors=[_guard(service, settings, identities)],
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_ANSWER_BYTES),
            ("grpc.so_reuseport", 0),
        ],
    )
    _add_services(server, service, identities, settings)
    state = _add_operations(server)
    try:
        port = server.add_secure_port(settings.listen, _credentials(settings))
    except RuntimeError as error:
        raise OSError(f"cannot listen on {settings.listen}") from error
    server.start()
    return RunningServer(port=port, _server=server, _health=state)


def _guard(service: Service, settings: ServerSettings, identities: Identities) -> Guard:
    buckets = TokenBuckets(
        per_second=settings.calls_per_second, burst=settings.burst, monotonic=time.monotonic
    )
    return Guard(
        identities=identities,
        buckets=buckets,
        # No caller may hold more than a quarter of the threads by streams. A client opens one at
        # a time, but one that it cancelled may linger.
        streams=Streams(per_caller=max(4, settings.workers // 4)),
        new_id=lambda: service.new_id("c"),
        refused=lambda why: note_refused_caller(service, why),
    )


def _add_services(
    server: grpc.Server, service: Service, identities: Identities, settings: ServerSettings
) -> None:
    pace = Pace(quantum_s=settings.quantum_s, monotonic=time.monotonic, sleep=time.sleep)
    collaboration_pb2_grpc.add_CollaborationServiceServicer_to_server(
        CollaborationServicer(
            service=service,
            identities=identities,
            signatures=Signatures(authorities=settings.ca.read_bytes),
        ),
        server,
    )
    dataset_pb2_grpc.add_DatasetServiceServicer_to_server(
        DatasetServicer(service=service, identities=identities), server
    )
    relay_pb2_grpc.add_RelayServiceServicer_to_server(
        RelayServicer(service=service, identities=identities), server
    )
    analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(
        AnalysisServicer(service=service, identities=identities, pace=pace), server
    )
    ledger_pb2_grpc.add_LedgerServiceServicer_to_server(
        LedgerServicer(service=service, identities=identities), server
    )
    audit_pb2_grpc.add_AuditServiceServicer_to_server(
        AuditServicer(service=service, identities=identities), server
    )


def _add_operations(server: grpc.Server) -> health.HealthServicer:
    names = [s.full_name for f in _FILES for s in f.DESCRIPTOR.services_by_name.values()]
    state = health.HealthServicer()
    for name in ("", *names):
        state.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    reflection.enable_server_reflection(
        [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server
    )
    return state


def _credentials(settings: ServerSettings) -> grpc.ServerCredentials:
    """Mutual TLS whose files are read again at each handshake, so that they can be rotated."""
    files = _TlsFiles(settings)
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(),
        files.changed,  # type: ignore[arg-type] # the stubs do not know None for "unchanged"
        require_client_authentication=True,
    )


class _TlsFiles:
    """The server's TLS files, which count as new only when their bytes are.

    gRPC frees what the last configuration made while another handshake may still use it (its
    issue 36693): a configuration for each handshake kills a server whose clients return together.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._paths = (settings.key, settings.certificate, settings.ca)
        self._lock = threading.Lock()
        self._last = self._read()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """Return the files as they were read last."""
        key, certificate, ca = self._last
        return grpc.ssl_server_certificate_configuration([(key, certificate)], ca)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the files as they are now, or None when nothing changed."""
        with self._lock:
            found = self._read()
            if found == self._last:
                return None
            self._last = found
            return self.configuration()

    def _read(self) -> tuple[bytes, bytes, bytes]:
        key, certificate, ca = (path.read_bytes() for path in self._paths)
        return key, certificate, ca
