"""Real server processes over TLS that are killed and started again, with SDK rooms on them.

A `Nursery` starts servers, a `Site` is a sandbox with the server on it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

import cleanroom
from cleanroom.config import Config, load_config
from cleanroom.sandbox.create import Options, create_sandbox
from cleanroom.sandbox.layout import Sandbox
from cleanroom.storage.fsck import fsck
from cleanroom.storage.problem import Problem
from cleanroom.storage.sqlite import SqlStore
from cleanroom.storage.vault import FileVault
from cleanroom.wiring.environment import SystemEntropy
from cleanroom.wiring.opening import open_existing_store, open_vault
from cleanroom_client import CleanRoom, Patience
from cleanroom_client.errors import WaitedTooLong

ROOT = Path(cleanroom.__file__).resolve().parent.parent
PATHS = os.pathsep.join(str(ROOT / name) for name in (".", "clients/python", "tests"))
ENVIRONMENT = os.environ | {
    "PYTHONPATH": PATHS,
    "GRPC_VERBOSITY": "NONE",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONFAULTHANDLER": "1",  # a crash of a server says where
}
PATIENCE = Patience(timeout_s=60.0, give_up_s=30.0)
READY = "cleanroom serving on "
OPEN_LIMITS = """
[limits]
workers = 32
calls_per_second = 1000000.0
burst = 1000000
quantum_ms = 0
engine_memory = "512MB"
engine_threads = 1
"""
_START_S = 60.0


class Nursery:
    """A process that forks servers, and reaps them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.server_forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=ENVIRONMENT,
            text=True,
        )
        self._answer()

    def start(self, **order: Any) -> int:
        """Return the pid of a new server."""
        return int(self._tell({"start": order})["pid"])

    def reap(self, pid: int) -> int:
        """Wait until a server has ended; return its exit code, negative for a signal."""
        return int(self._tell({"reap": pid})["code"])

    def close(self) -> None:
        """End; servers still running are killed with it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _tell(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        return dict(json.loads(self._process.stdout.readline()))


def free_port() -> int:
    """Return a port that is free, below those that the system gives to clients.

    A client that reconnects while nobody listens could otherwise be given the server's port.
    """
    while True:
        port = random.randrange(20_000, 30_000)
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


@dataclass
class Site:
    """A sandbox on a port of its own, with at most one server process."""

    nursery: Nursery
    sandbox: Sandbox
    port: int
    patches: dict[str, Any] = field(default_factory=dict)
    pid: int | None = None

    @classmethod
    def make(cls, nursery: Nursery, folder: Path, policy: str, **patches: Any) -> Self:
        """Make a sandbox without rate limits and without the pause before an answer."""
        port = free_port()
        sandbox = create_sandbox(
            folder, policy.encode(), options=Options(listen=f"127.0.0.1:{port}")
        )
        with sandbox.server_config.open("a", encoding="utf-8") as file:
            file.write(OPEN_LIMITS)
        return cls(nursery=nursery, sandbox=sandbox, port=port, patches=patches)

    @property
    def out(self) -> Path:
        return self.sandbox.root / "server.out"

    @property
    def err(self) -> Path:
        return self.sandbox.root / "server.err"

    @property
    def config(self) -> Config:
        return load_config(self.sandbox.server_config)

    def start(self, *, wait: bool = True) -> None:
        """Start the server; return when it takes calls, or at once."""
        told = self._told()
        self.pid = self.nursery.start(
            config=str(self.sandbox.server_config),
            out=str(self.out),
            err=str(self.err),
            patches=self.patches,
        )
        until = time.monotonic() + _START_S
        while wait and self._told() == told:
            assert self._is_running(), self.err.read_text()[-2000:]
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)

    def kill(self) -> int:
        """End the server by SIGKILL; return its exit code."""
        return self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the server to drain; return its exit code."""
        return self._end(signal.SIGTERM)

    def room(self, name: str, patience: Patience = PATIENCE) -> CleanRoom:
        """Connect as a party, `auditor` or `officer`."""
        return CleanRoom.connect(self.sandbox.profile(name), patience=patience)

    @contextmanager
    def storage(self) -> Iterator[tuple[SqlStore, FileVault]]:
        """Open what a stopped server left."""
        config = self.config
        with closing(open_existing_store(config)) as store:
            yield store, open_vault(config, SystemEntropy())

    def fsck(self) -> tuple[Problem, ...]:
        """Check what a stopped server left."""
        with self.storage() as (store, vault):
            return fsck(store, vault)

    def _end(self, number: int) -> int:
        assert self.pid is not None
        os.kill(self.pid, number)
        pid, self.pid = self.pid, None
        code = self.nursery.reap(pid)
        assert code in {0, -number}, f"ended with {code} by itself: {self.err.read_text()[-4000:]}"
        return code

    def _told(self) -> int:
        return self.out.read_text().count(READY) if self.out.exists() else 0

    def _is_running(self) -> bool:
        state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"


def policy_text(
    *, epsilon: str = "4", per_question: str = "1.1", scheme: str = "psi", collaboration: str = "c"
) -> str:
    """Return a policy of two parties who may ask everything, in force today."""
    return f"""\
version: cleanroom/v1
collaboration: {collaboration}
valid: {{from: 2020-01-01, until: 2199-12-31}}
parties:
  acme-brand: {{role: advertiser, may_ask: [match_rate, segment_size, sales_lift]}}
  megamart: {{role: retailer, may_ask: [match_rate, segment_size, sales_lift]}}
matching:
  scheme: {scheme}
  normalisation: uid2-2026
  keys: [email, phone]
  default_region: RU
  allow_unsalted: {"true" if scheme == "sha256" else "false"}
datasets:
  exposures:
    owner: acme-brand
    dimensions: {{city: [ufa, kazan, other]}}
    arm: {{column: arm, test: test, control: control}}
    counts: {{impressions: {{max_per_person: 50}}}}
  sales:
    owner: megamart
    time: {{column: occurred_at}}
    measures:
      amount: {{unit: minor, max_per_person: 100000}}
      visits: {{unit: rows, max_per_person: 60}}
    event_filters: {{category: [hair-colour, hair-care, other]}}
    minimum_aggregation: {{people: 20, miss_probability: 1e-3}}
    privacy:
      pool: loyalty
      definition: zcdp
      epsilon: {epsilon}
      delta: 1e-7
      per_question: {per_question}
      renew: never
    consent:
      match_rate: [measurement]
      segment_size: [measurement]
      sales_lift: [measurement]
retention: {{datasets_days: 90, measurements_days: 730}}
"""


CONSENT = {"purposes": "measurement", "consent_at": "2020-01-01", "consent_until": "2199-01-01"}


def exposures_frame(people: int, first: int = 0) -> pd.DataFrame:
    """A row for each person, in both arms and three cities."""
    ids = range(first, first + people)
    return pd.DataFrame(
        {
            "email": [f"person{i}@example.com" for i in ids],
            "phone": [f"+79{i:09d}" for i in ids],
            "city": [("ufa", "kazan", "perm")[i % 3] for i in ids],
            "arm": ["test" if i % 2 else "control" for i in ids],
            "impressions": [str(i % 7) for i in ids],
            **CONSENT,
        }
    )


def sales_frame(people: int, first: int = 0) -> pd.DataFrame:
    """A purchase for each person, on the days of January 2026."""
    ids = range(first, first + people)
    return pd.DataFrame(
        {
            "email": [f"person{i}@example.com" for i in ids],
            "phone": [f"+79{i:09d}" for i in ids],
            "occurred_at": [f"2026-01-{i % 28 + 1:02d}T12:00:00Z" for i in ids],
            "amount": [f"{i % 90 + 1}.50" for i in ids],
            "category": [("hair-colour", "hair-care", "else")[i % 3] for i in ids],
            **CONSENT,
        }
    )


def accept_all(site: Site) -> None:
    for name in site.sandbox.parties:
        with site.room(name) as room:
            room.accept()


def fill(site: Site, exposures: pd.DataFrame, sales: pd.DataFrame) -> None:
    """Accept, upload, relay and seal both datasets."""
    accept_all(site)
    with site.room("acme-brand") as acme, site.room("megamart") as mega:
        blind_once(acme, mega)  # hands over the key of the hmac scheme
        acme.upload("exposures", exposures)
        mega.upload("sales", sales)
        blind_once(acme, mega)
        acme.seal("exposures")
        mega.seal("sales")


def blind_once(*rooms: CleanRoom) -> None:
    """Let each party do what is ready for it, without waiting for the others."""
    for room in rooms:
        with suppress(WaitedTooLong):
            room.blind(max_wait_s=0)
