"""Running the server from start to drain; must not know how a question is answered."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from contextlib import closing
from types import FrameType
from typing import Final

from cleanroom.config import Config
from cleanroom.model.names import Actor, ActorKind
from cleanroom.policy.parse import parse_policy
from cleanroom.rpc.server import RunningServer, ServerSettings, start
from cleanroom.usecases.collaborate import propose
from cleanroom.usecases.recover import recover
from cleanroom.usecases.rotate import take_up_log
from cleanroom.usecases.service import Service
from cleanroom.wiring.allocation import keep_freed_messages
from cleanroom.wiring.build import build_service
from cleanroom.wiring.environment import SystemClock
from cleanroom.wiring.errors import CannotServe
from cleanroom.wiring.keeper import Keeper
from cleanroom.wiring.lock import held, retention_turn
from cleanroom.wiring.opening import open_store
from cleanroom.wiring.publisher import Publisher
from cleanroom.wiring.tls import check_tls, deny_list

GRACE_S: Final = 10.0
_LOG = logging.getLogger(__name__)


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends the process at once.

    Prints one line to stdout when calls are taken.
    Raises CannotServe, MasterKeyRefused, StoreUnusable, PolicyInvalidError, OSError.
    """
    stop = _stop_on_signals()
    keep_freed_messages()
    with held(config.data):
        _check_free(config.listen)
        settings = server_settings(config, SystemClock().now_s())
        with closing(open_store(config)) as store:
            service = build_service(config, store)
            prepare(config, service)
            if stop.is_set():
                return
            publisher = Publisher(service, config.log.checkpoint_every_s)
            running = start(service, settings)
            publisher.start()
            keeper = keeper_of(config, service)
            keeper.start()
            _announce(config, running)
            threading.Thread(target=service.engine.warm, daemon=True).start()
            stop.wait()
            _LOG.info("draining: calls under way have %.0f s to end", GRACE_S)
            running.stop(GRACE_S)
            keeper.stop(GRACE_S)
            publisher.stop()
    _LOG.info("stopped")


def keeper_of(config: Config, service: Service) -> Keeper:
    """Return what carries out retention while the service runs."""
    return Keeper(
        service,
        config.data,
        every_s=config.retention.every_s,
        unfinished_days=config.retention.unfinished_days,
    )


def _check_free(listen: str) -> None:
    """Refuse an address that cannot be had, in words and before anything is changed."""
    host, _, port = listen.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such host"
        raise CannotServe(
            f"cannot listen on {listen}: {why.lower()}: stop what uses it, or change `listen`"
        ) from None


def prepare(config: Config, service: Service) -> None:
    """Finish what a crash left, and put the bootstrap policy before its parties if none is."""
    # Before anything is written: a log that does not continue what was signed is not continued.
    take_up_log(service)
    # A crash in here is like the crash before: the next start does it again.
    with retention_turn(config.data):
        resumed = recover(service)
    _LOG.info("resumed %d questions", resumed)
    if config.bootstrap is not None:
        _bootstrap(config, service)


def server_settings(config: Config, now_s: int) -> ServerSettings:
    """Return the settings with the TLS files and the deny list checked; raises CannotServe."""
    check_tls(config.tls, now_s)
    limits = config.limits
    return ServerSettings(
        listen=config.listen,
        trust_domain=config.trust_domain,
        ca=config.tls.ca,
        certificate=config.tls.certificate,
        key=config.tls.key,
        denied=deny_list(config.tls),
        workers=limits.workers,
        calls_per_second=limits.calls_per_second,
        burst=limits.burst,
        quantum_s=limits.quantum_ms / 1000,
    )


def _bootstrap(config: Config, service: Service) -> None:
    path = config.bootstrap
    if path is None:
        return
    try:
        document = path.read_bytes()
    except OSError as error:
        raise CannotServe(f"{path}: the policy cannot be read: {error.strerror}") from None
    policy = parse_policy(document, str(path))
    latest = service.store.read(lambda tx: tx.collaborations.latest(policy.collaboration))
    if latest is None:
        operator = Actor(trust_domain=config.trust_domain, kind=ActorKind.OPERATOR, name="operator")
        propose(service, operator, document)
        _LOG.info("proposed policy %s of %s", policy.digest, policy.collaboration)
    elif latest.digest != policy.digest:
        _LOG.info("%s has a proposal already: the bootstrap policy is not used", latest.digest)


def _announce(config: Config, running: RunningServer) -> None:
    host = config.listen.rpartition(":")[0]
    sys.stdout.write(f"cleanroom serving on {host}:{running.port}\n")
    sys.stdout.flush()


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop
