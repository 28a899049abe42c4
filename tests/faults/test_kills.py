"""A server killed at random moments under retrying clients keeps every promise it made.

50 kills, 1,000 where CLEANROOM_NIGHTLY is set.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cleanroom.audit.compact import CompactRange
from cleanroom.audit.entry import EntryKind, decode_entry
from cleanroom.audit.receipt import verify_receipt
from cleanroom.audit.tree import leaf_hash
from cleanroom_client import Patience, transport
from cleanroom_client.errors import DeadlineExceeded, RoomError, ServiceUnreachable
from cleanroom_client.question import SalesLift
from support.processes import exposures_frame, fill, policy_text, sales_frame

KILLS = 1000 if os.environ.get("CLEANROOM_NIGHTLY") else 50
CLIENTS = 8
TICKETS_A_KILL = 1
GRANTS = KILLS * TICKETS_A_KILL * 9 // 10  # the budget ends shortly before the kills do
PARTIES = ("acme-brand", "megamart")
START = datetime(2026, 1, 1, tzinfo=UTC)
IMPATIENT = Patience(timeout_s=20.0, give_up_s=0.0)  # these clients retry by themselves
PAUSE_S = 0.05


def _question(number):
    """Questions that differ only in their window cost the same."""
    window = (START, START + timedelta(minutes=number + 1))
    return SalesLift(exposures="exposures", sales="sales", outcome="amount", window=window)


@dataclass
class Tickets:
    """Numbers of new questions, a few more after each kill, so that none happens in silence."""

    free: int = 0
    taken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count):
        with self.lock:
            self.free += count

    def take(self):
        """Return the number of a question nobody asked yet, or None."""
        with self.lock:
            if not self.free:
                return None
            self.free, self.taken = self.free - 1, self.taken + 1
            return self.taken


class Client(threading.Thread):
    """Asks under its own request ids, each until it is answered, and remembers every byte."""

    def __init__(self, site, name, party, tickets, rho):
        super().__init__(name=name, daemon=True)
        self.site, self.party, self.tickets, self.rho = site, party, tickets, rho
        self.entropy = random.Random(name)
        self.received = {}  # request id -> (question's number, receipt)
        self.refused = set()
        self.changed = []
        self.failure = None
        self.done = threading.Event()

    def run(self):
        try:
            with self.site.room(self.party, IMPATIENT) as room:
                while not self.done.is_set():
                    self._turn(room)
        except BaseException as error:  # noqa: BLE001 - told by a test
            self.failure = error

    def _turn(self, room):
        number = self.tickets.take()
        if number is not None:
            request_id = f"{self.name}-{number:06d}"
            receipt = self._until_answered(room, request_id, number)
            if receipt is not None:
                self.received[request_id] = (number, receipt)
        elif self.received:
            request_id = self.entropy.choice(list(self.received))
            number, receipt = self.received[request_id]
            if self._until_answered(room, request_id, number) != receipt:
                self.changed.append(request_id)
        else:
            time.sleep(0.01)

    def _until_answered(self, room, request_id, number):
        """Return the receipt, or None for a question that the budget does not pay."""
        while True:
            try:
                answer = room.ask(_question(number), rho=self.rho, request_id=request_id)
            except (ServiceUnreachable, DeadlineExceeded):
                time.sleep(PAUSE_S)
            except RoomError as refusal:
                if refusal.reason != "BUDGET_EXHAUSTED":
                    raise
                self.refused.add(request_id)
                return None
            else:
                return answer.receipt


class Watcher(threading.Thread):
    """An auditor who asks for checkpoints all the time and keeps every one that was shown."""

    def __init__(self, site):
        super().__init__(name="watcher", daemon=True)
        self.site, self.shown, self.failure = site, set(), None
        self.done = threading.Event()

    def run(self):
        try:
            with self.site.room("auditor", IMPATIENT) as room:
                while not self.done.is_set():
                    with suppress(ServiceUnreachable, DeadlineExceeded):
                        self.shown.add(room.checkpoint())
                    time.sleep(4 * PAUSE_S)
        except BaseException as error:  # noqa: BLE001 - told by a test
            self.failure = error


@dataclass(frozen=True)
class Aftermath:
    """What is left when all kills are over and the server was stopped."""

    site: object
    clients: tuple[Client, ...]
    watcher: Watcher
    cost: dict[str, int]
    log: tuple[bytes, ...]

    @property
    def received(self):
        return [
            (c.party, request_id, receipt)
            for c in self.clients
            for request_id, (_, receipt) in c.received.items()
        ]

    def verified(self):
        with self.site.room("auditor") as room:
            key = room.profile.log_key
        return [(party, rid, verify_receipt(data, key)) for party, rid, data in self.received]


@pytest.fixture(scope="module")
def aftermath(make_site):
    """Kill the server again and again under its clients.

    gRPC would wait up to two seconds before it connects anew, longer than a server lives here.
    """
    with pytest.MonkeyPatch.context() as patch:
        options = dict(transport._CHANNEL_OPTIONS) | {"grpc.max_reconnect_backoff_ms": 100}
        patch.setattr(transport, "_CHANNEL_OPTIONS", tuple(options.items()))
        yield _aftermath(make_site)


def _aftermath(make_site):
    site = make_site(policy_text(epsilon="10", per_question="8"))
    site.start()
    fill(site, exposures_frame(60), sales_frame(60, 10))
    rho, cost = _loss(site)
    tickets = Tickets()
    clients = tuple(
        Client(site, f"client-{n}", PARTIES[n % 2], tickets, rho) for n in range(CLIENTS)
    )
    watcher = Watcher(site)
    for thread in (*clients, watcher):
        thread.start()
    entropy = random.Random(2026)
    for number in range(KILLS):
        tickets.add(TICKETS_A_KILL)
        time.sleep(entropy.uniform(0.05, 0.4))
        assert site.kill() == -9
        is_early = number % 5 == 4  # then the next one comes while the server starts and recovers
        site.start(wait=not is_early)
    if is_early:
        site.kill()
        site.start()
    _wait_for_takers(tickets)
    _finish((*clients, watcher))
    with site.room("auditor") as room:
        room.verified_log()
    assert site.stop() == 0
    with site.storage() as (store, _):
        log = store.read(lambda tx: tx.log.entries(0, tx.log.size()))
    return Aftermath(site=site, clients=clients, watcher=watcher, cost=cost, log=log)


def _loss(site):
    """Return a loss that the tightest budget pays GRANTS times, and what it costs each ledger."""
    with site.room("acme-brand") as acme, site.room("megamart") as mega:
        budgets = {b.ledger: b.budget_nano_rho for room in (acme, mega) for b in room.budget()}
        rho = f"0.{min(budgets.values()) * 10 // (GRANTS * 10 + 3):09d}"
        plan = acme.plan(_question(1), rho=rho)
    cost = {d.ledger: d.nano_rho for d in plan.debits}
    assert min(budgets[ledger] // c for ledger, c in cost.items()) == GRANTS
    return rho, cost


def _wait_for_takers(tickets):
    """Wait until somebody asks the last question: on a busy machine clients lag behind the kills."""
    until = time.monotonic() + 120
    while tickets.free:
        assert time.monotonic() < until, "nobody asks any more"
        time.sleep(PAUSE_S)


def _finish(clients):
    """Let every client end the request it is at."""
    for client in clients:
        client.done.set()
    for client in clients:
        client.join(120)
        assert not client.is_alive(), f"{client.name} hangs"


def _clients_met_no_failure_but_an_absent_server(aftermath):
    assert [(c.name, c.failure) for c in aftermath.clients if c.failure] == []
    assert all(c.received for c in aftermath.clients)


def _a_repeated_request_got_the_same_bytes_across_kills(aftermath):
    assert [c.changed for c in aftermath.clients if c.changed] == []


def _fsck_finds_nothing(aftermath):
    assert aftermath.site.fsck() == ()


def _the_budget_was_spent_to_the_last_question_and_not_beyond(aftermath):
    with aftermath.site.storage() as (store, _):
        balances = store.read(lambda tx: tx.ledgers.all())
    assert {str(b.ledger): b.spent for b in balances} == {
        ledger: GRANTS * cost for ledger, cost in aftermath.cost.items()
    }
    assert all(b.spent <= b.budget for b in balances)
    assert sum(len(c.refused) for c in aftermath.clients) == KILLS * TICKETS_A_KILL - GRANTS


def _every_answer_received_verifies_and_its_entry_is_in_the_log(aftermath):
    roots = _roots(aftermath.log)
    for _, request_id, receipt in aftermath.verified():
        assert decode_entry(aftermath.log[receipt.index]) == receipt.entry, request_id
        assert roots[receipt.checkpoint.size] == receipt.checkpoint.root, request_id


def _no_checkpoint_shown_is_contradicted_by_the_final_log(aftermath):
    roots = _roots(aftermath.log)
    assert aftermath.watcher.failure is None
    assert len(aftermath.watcher.shown) > KILLS // 5
    assert [c for c in aftermath.watcher.shown if roots[c.size] != c.root] == []


def _roots(log):
    """Return the root of the final log's tree at each of its sizes."""
    tree, roots = CompactRange(), {}
    for size, entry in enumerate(log, start=1):
        tree.append(leaf_hash(entry))
        roots[size] = tree.root()
    return roots


def _every_acknowledged_request_has_exactly_one_debit_and_one_answer(aftermath):
    entries = [decode_entry(data) for data in aftermath.log]
    told = {
        kind: Counter(e.fields["question_digest"] for e in entries if e.kind is kind)
        for kind in (EntryKind.QUESTION_RESERVED, EntryKind.QUESTION_RELEASED)
    }
    with aftermath.site.storage() as (store, _):
        for party, request_id, receipt in aftermath.verified():
            question, stored, debits = store.read(
                lambda tx, p=party, r=request_id: _bound(tx, p, r)
            )
            assert {str(d.ledger): d.nano_rho for d in debits} == aftermath.cost
            assert receipt.measurement == stored
            assert [told[kind][question] for kind in told] == [1, 1], request_id
    assert all(set(counts.values()) == {1} for counts in told.values())


def _bound(tx, party, request_id):
    record = tx.questions.request(party, request_id)
    stored = tx.questions.get(record.question)
    return stored.digest, stored.measurement, tx.ledgers.debits_of(stored.digest)


def _every_answer_is_the_same_from_a_server_started_once_more(aftermath):
    site = aftermath.site
    site.start()
    for party in PARTIES:
        with site.room(party) as room:
            for asker, request_id, receipt in aftermath.received:
                if asker == party:
                    assert room.get(request_id).receipt == receipt
    assert site.stop() == 0


# One test, because several might be shared out to processes that would each kill a server of theirs.
@pytest.mark.timeout(7200 if KILLS > 50 else 300)
def test_a_server_killed_at_any_moment_keeps_what_it_promised(aftermath):
    _clients_met_no_failure_but_an_absent_server(aftermath)
    _a_repeated_request_got_the_same_bytes_across_kills(aftermath)
    _fsck_finds_nothing(aftermath)
    _the_budget_was_spent_to_the_last_question_and_not_beyond(aftermath)
    _every_answer_received_verifies_and_its_entry_is_in_the_log(aftermath)
    _no_checkpoint_shown_is_contradicted_by_the_final_log(aftermath)
    _every_acknowledged_request_has_exactly_one_debit_and_one_answer(aftermath)
    _every_answer_is_the_same_from_a_server_started_once_more(aftermath)
