"""A room of four datasets and every kind of question, for tests of people who leave it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cleanroom.analysis.request import Statistics
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.model.buckets import Buckets
from cleanroom.model.question import (
    ContributionBound,
    Design,
    MatchRate,
    Overlap,
    Ropo,
    RopoDefinition,
    SalesLift,
    SegmentSize,
    Window,
)
from cleanroom.model.withdrawal import PERSON, PersonReference
from cleanroom.policy.document import Scheme
from cleanroom.ports.records import Withdrawal
from cleanroom.storage.fsck import fsck
from cleanroom.usecases.retention import carry_out, due
from cleanroom.usecases.withdraw import withdraw
from support.panels import reference, token
from support.rooms import NOON, Room, TestClock, hashed_point, times

PEOPLE = 60
SECRETS: dict[str, X25519PrivateKey] = {}  # of every room, so that tokens can be compared
HOUR, DAY = 3_600, 86_400
LONG = {"purposes": 1, "consent_at": NOON - 100 * DAY, "consent_until": NOON + 900 * DAY}

POLICY = """\
version: cleanroom/v1
collaboration: leavers
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [match_rate, segment_size, sales_lift]}
  megamart: {role: retailer, may_ask: [match_rate]}
  fiscal-data: {role: data_provider, may_ask: []}
matching: {scheme: psi, normalisation: uid2-2026, keys: [email, phone]}
datasets:
  exposures:
    owner: acme-brand
    dimensions: {segment: [cooks, other]}
    arm: {column: arm, test: test, control: control}
    time: {column: occurred_at}
    counts: {impressions: {max_per_person: 50}}
    privacy:
      {pool: reach, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
  sales:
    owner: megamart
    dimensions: {tier: [gold, basic]}
    time: {column: occurred_at}
    measures:
      amount: {unit: minor, max_per_person: 10000}
      visits: {unit: rows, max_per_person: 10}
    minimum_aggregation: {people: 10, miss_probability: 1e-2}
    privacy:
      {pool: loyalty, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
    consent: {match_rate: [measurement], segment_size: [measurement], sales_lift: [measurement]}
  panel:
    owner: fiscal-data
    dimensions: {income: [low, high]}
    privacy:
      {pool: panel, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
  telco:
    owner: fiscal-data
    privacy:
      {pool: sims, definition: zcdp, epsilon: 1000, delta: 1e-7, per_question: 60, renew: never}
retention: {datasets_days: 90, measurements_days: 730}
"""
HMAC = POLICY.replace("scheme: psi", "scheme: hmac")
DAYS = POLICY.replace("measurements_days: 730", "measurements_days: 730, withdrawn_days: 5")
MIDNIGHT = NOON + 12 * HOUR
GONE = (6, 15, 31)
STAY = [i for i in range(PEOPLE) if i not in GONE]

QUESTIONS: dict[str, Any] = {
    "match rate": MatchRate(datasets=("exposures", "sales"), by=("exposures.segment",)),
    "size of one": SegmentSize(datasets=("sales",), by=("sales.tier",)),
    "size of two": SegmentSize(
        datasets=("exposures", "sales"),
        by=("exposures.impressions",),
        buckets=(Buckets(dimension="exposures.impressions", edges=(1, 3)),),
    ),
    "lift": SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("segment",)),
    "observational lift": SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="amount",
        design=Design.OBSERVATIONAL,
        exposed_by="impressions",
        window=Window(from_s=NOON - 50 * DAY, until_s=NOON),
    ),
    "bound": ContributionBound(
        dataset="sales", measure="amount", quantile=Fraction(1, 2), grid=(200, 400, 800)
    ),
    "overlap": Overlap(hub="panel", others=("exposures", "sales", "telco"), by=("income",)),
    "ropo sales": Ropo(
        definition=RopoDefinition.SHARE_OF_SALES,
        exposures="exposures",
        sales="sales",
        days=30,
        measure="visits",
    ),
    "ropo people": Ropo(
        definition=RopoDefinition.CONVERSION, exposures="exposures", sales="sales", days=30
    ),
}


def tables(people: range | list[int] = range(PEOPLE)) -> dict[str, list[dict[str, Any]]]:
    """Return the records of all datasets, with some people in several rows or under two keys."""
    seen, bought = NOON - 20 * DAY, NOON - 10 * DAY
    exposures: list[dict[str, Any]] = []
    sales: list[dict[str, Any]] = []
    for i in people:
        shared = {**LONG, "ref": f"crm-{i}"}
        exposures.append(
            {**shared, "email": f"p{i}", "segment": i % 2, "arm": i % 2, "impressions": i % 4}
            | {"at": seen}
        )
        if i % 3 == 0:  # a second row, known by its reference alone to be the same person's
            exposures.append(
                {**shared, "email": f"q{i}", "segment": i % 2, "arm": i % 2, "at": seen}
            )
        sales.append({**LONG, "email": f"p{i}", "phone": f"t{i}", "tier": i % 2, "amount": 10 * i})
        sales[-1]["at"] = bought
        if i % 5 == 0:
            sales.append({**LONG, "phone": f"t{i}", "tier": i % 2, "amount": 7, "at": bought})
    panel = [{**LONG, "email": f"p{i}", "income": i % 2} for i in people if i % 2]
    telco = [{**LONG, "phone": f"t{i}", "email": f"p{i}"} for i in people if i % 7]
    return {"exposures": exposures, "sales": sales, "panel": panel, "telco": telco}


@dataclass
class Recorder:
    """An engine that remembers the exact statistics it gave, which nothing else ever sees."""

    inner: DuckDbEngine = field(default_factory=DuckDbEngine)
    given: list[Statistics] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    def warm(self) -> None:
        self.inner.warm()

    def exact(self, request: Any, load: Any) -> Statistics:
        self.given.append(self.inner.exact(request, load))
        return self.given[-1]


@dataclass
class Leavers:
    """A room whose clock moves and whose exact statistics are known."""

    room: Room
    clock: TestClock
    engine: Recorder

    @classmethod
    def open(cls, root: Path, document: str = POLICY, *, in_memory: bool = False) -> Leavers:
        root.mkdir(exist_ok=True)
        room = Room.open(root, document, in_memory=in_memory)
        room.secrets = SECRETS
        clock, engine = TestClock(), Recorder()
        room.service = replace(room.service, clock=clock, engine=engine)
        return cls(room=room, clock=clock, engine=engine)

    def fill(self, people: range | list[int] = range(PEOPLE)) -> None:
        self.room.fill(**tables(people))

    def exact(self, name: str) -> list[dict[str, tuple[int, ...]]]:
        """Ask as the advertiser; return the exact statistics, none when answered from store."""
        before = len(self.engine.given)
        self.room.ask("acme-brand", QUESTIONS[name], epsilon=Fraction(1, 10))
        return [one.values for one in self.engine.given[before:]]

    def key(self, dataset: str, kind: str, text: str) -> PersonReference:
        """Return what the owner's machine would make of a key, as its uploaded rows hold it."""
        if self.room.policy.matching.scheme is not Scheme.PSI:
            return PersonReference(kind=kind, value=token(text))
        secret = self.room.secret(self.room.owner(dataset).name)
        return PersonReference(kind=kind, value=times(secret, hashed_point(text)))

    def withdraw(
        self, dataset: str, *references: PersonReference, request_id: str = ""
    ) -> Withdrawal:
        return withdraw(
            self.room.service,
            self.room.owner(dataset),
            dataset=self.room.name(dataset),
            request_id=request_id or secrets.token_hex(8),
            references=references,
        )


def person(text: str) -> PersonReference:
    """Return an owner's own reference to a person."""
    return PersonReference(kind=PERSON, value=reference(text))


def leave(leavers, people=GONE):
    for dataset, kind, letter in (
        ("exposures", "email", "p"),
        ("sales", "phone", "t"),
        ("panel", "email", "p"),
        ("telco", "phone", "t"),
    ):
        keys = [leavers.key(dataset, kind, f"{letter}{i}") for i in people]
        leavers.withdraw(dataset, *keys)


def versions(leavers, dataset):
    name = leavers.room.name(dataset)
    return leavers.room.service.store.read(lambda tx: tx.versions.of_dataset(name))


def acts(leavers, **options):
    return due(leavers.room.service, unfinished_days=14, **options)


def do_all(leavers, **options):
    return [(one, carry_out(leavers.room.service, one)) for one in acts(leavers, **options)]


def problems(leavers):
    service = leavers.room.service
    return [str(p) for p in fsck(service.store, service.vault)]
