"""A sandbox with a small real history, and the operator's command line to look at it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from cleanroom.audit.entry import EntryKind
from cleanroom.config import load_config
from cleanroom.model.names import Actor, ActorKind
from cleanroom.sandbox.create import create_sandbox
from cleanroom.usecases.collaborate import propose
from cleanroom.wiring.build import build_service
from cleanroom.wiring.opening import open_store
from support import signing
from support.operator_cli import run
from support.policies import EXAMPLES

POLICY = (EXAMPLES / "demo.yaml").read_bytes()
PARTIES = ("acme-brand", "megamart", "fiscal-data")


class Room:
    """A sandbox with a small real history, and the command line to look at it."""

    def __init__(self, folder, capsys):
        self.sandbox = create_sandbox(folder / "room", POLICY)
        self.config = load_config(self.sandbox.server_config)
        self.capsys = capsys

    def agree(self, document=POLICY):
        with closing(open_store(self.config)) as store:
            service = build_service(self.config, store)
            officer = self.sandbox.actor(ActorKind.OFFICER, "officer")
            proposal = propose(service, officer, document)
            for name in PARTIES:
                actor = self.sandbox.actor(ActorKind.PARTY, name)
                signing.accept(service, actor, "spring-campaign", proposal.digest)

    def note(self, **fields):
        with closing(open_store(self.config)) as store:
            service = build_service(self.config, store)
            actor = Actor.parse("spiffe://cleanroom.test/operator/operator")
            store.transact(
                lambda tx: service.note(tx, EntryKind.ADMINISTRATIVE, actor, None, **fields)
            )

    def run(self, *arguments):
        return run(self.capsys, *arguments, "--config", str(self.sandbox.server_config))

    def tamper(self, statement, *values):
        with closing(sqlite3.connect(self.config.database)) as raw, raw:
            assert raw.execute(statement, values).rowcount == 1
