"""Puts a service together from a configuration; must not know gRPC or a terminal."""

from __future__ import annotations

from cleanroom.audit.cosignature import WitnessKey
from cleanroom.config import Config
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.engine.sealer import ArrowSealer
from cleanroom.storage.sqlite import SqlStore
from cleanroom.usecases.service import Service
from cleanroom.usecases.witnessing import Witnessing
from cleanroom.wiring.environment import SystemClock, SystemCurve, SystemEntropy
from cleanroom.wiring.opening import load_signers, open_remembered, open_store, open_vault
from cleanroom.witness.client import HttpWitness


def build_service(config: Config, store: SqlStore | None = None) -> Service:
    """Return a service on the configured data, which is made if there is none.

    Whoever passes a store closes it. Raises CannotServe, MasterKeyRefused, StoreUnusable.
    """
    entropy = SystemEntropy()
    signer, *previous = load_signers(config.log)
    vault = open_vault(config, entropy)
    return Service(
        store=open_store(config) if store is None else store,
        vault=vault,
        engine=DuckDbEngine(
            memory_limit=config.limits.engine_memory, threads=config.limits.engine_threads
        ),
        sealer=ArrowSealer(),
        clock=SystemClock(),
        entropy=entropy,
        curve=SystemCurve(),
        signer=signer,
        previous_signer=previous[0] if previous else None,
        remembered=open_remembered(config, entropy),
        witnessing=Witnessing(
            [HttpWitness(url=w.url, key=WitnessKey.parse(w.key)) for w in config.log.witnesses]
        ),
    )
