"""A room of three parties on a real server, made and asked through the command lines alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.cli import Command, Result, Terminal, free_address, serving

OWNERS = {"exposures": "acme-brand", "sales": "megamart", "panel": "fiscal-data"}
PARTIES = tuple(OWNERS.values())
PAIR = ("--datasets", "exposures,sales")
LIFT = ("--exposures", "exposures", "--sales", "sales", "--outcome", "amount")
PEOPLE = 360
CONSENT = "measurement,2020-01-01,2199-01-01"
SALES_HEAD = "email,occurred_at,amount,category,purposes,consent_at,consent_until"

POLICY = """\
version: cleanroom/v1
collaboration: spring-campaign
valid: {from: 2020-01-01, until: 2199-12-31}
parties:
  acme-brand: {role: advertiser, may_ask: [match_rate, segment_size, sales_lift]}
  megamart: {role: retailer, may_ask: [match_rate]}
  fiscal-data: {role: data_provider, may_ask: []}
matching: {scheme: psi, normalisation: uid2-2026, keys: [email, phone]}
datasets:
  exposures:
    owner: acme-brand
    dimensions: {city: [ufa, kazan, other], channel: [video, social, both, other]}
    arm: {column: arm, test: test, control: control}
    counts: {impressions: {max_per_person: 50}}
  sales:
    owner: megamart
    time: {column: occurred_at}
    measures:
      amount: {unit: minor, max_per_person: 10000}
      visits: {unit: rows, max_per_person: 10}
    event_filters: {category: [hair-colour, hair-care, other]}
    minimum_aggregation: {people: 20, miss_probability: 1e-3}
    privacy:
      pool: loyalty
      definition: zcdp
      epsilon: 400
      delta: 1e-7
      per_question: 40
      renew: never
    consent:
      match_rate: [measurement]
      segment_size: [measurement]
      sales_lift: [measurement]
  panel:
    owner: fiscal-data
    dimensions: {income: [low, high, other]}
retention: {datasets_days: 90, measurements_days: 730}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliRoom:
    """A served sandbox in `folder / "box"`; `early` are refusals met while it was being made."""

    folder: Path
    terminal: Terminal
    address: str
    early: dict[str, Result] = field(default_factory=dict)

    @property
    def box(self) -> Path:
        return self.folder / "box"

    def profile(self, name: str) -> Path:
        """The profile of a party, or of `auditor` or `officer`."""
        return self.box / ("parties" if name in PARTIES else "") / f"{name}.toml"

    def client(
        self,
        who: str,
        *words: object,
        before: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a partner's command; `before` are options that stand before it."""
        return self.terminal.run(*self._words(who, before, words), env=env)

    def clients(self, *commands: tuple[object, ...]) -> list[Result]:
        """Run partners' commands side by side: each the party, then the words."""
        asked = [Command(words=self._words(str(who), (), words)) for who, *words in commands]
        return self.terminal.run_all(asked)

    def operator(self, *words: object) -> Result:
        """Run a command of the operator's."""
        return self.terminal.run("cleanroom", *words)

    def balances(self) -> dict[str, object]:
        """What each ledger has been debited."""
        told = self.clients(*((party, "budget", "--json") for party in PARTIES))
        return {b["ledger"]: b["spent_nano_rho"] for r in told for b in json.loads(r.ok())}

    def kept(self, dataset: str) -> tuple[list[str], list[str]]:
        """Return the ids of a dataset's versions, and of its uploads with their states."""
        told = self.client(OWNERS[dataset], "describe", dataset, "--json").ok()
        found = json.loads(told)
        versions = [version["id"] for version in found["versions"]]
        return versions, [f"{upload['id']} {upload['state']}" for upload in found["uploads"]]

    def _words(self, who: str, before: Sequence[str], words: Sequence[object]) -> tuple[str, ...]:
        profile = ("--profile", str(self.profile(who)))
        return ("cleanroom-client", *profile, *before, *map(str, words))


@contextmanager
def cli_room(folder: Path) -> Iterator[CliRoom]:
    """Make, fill and seal a room in `folder`, and serve it until the block ends."""
    (folder / "policy.yaml").write_text(POLICY)
    for dataset, lines in tables().items():
        (folder / f"{dataset}.csv").write_text("\n".join(lines) + "\n")
    with Terminal(folder) as terminal:
        room = CliRoom(folder=folder, terminal=terminal, address=free_address())
        listen = ("--listen", room.address)
        room.operator("sandbox", "init", "box", "--policy", "policy.yaml", *listen).ok()
        with serving(room.box / "server.toml"):
            _fill(room)
            yield room


def _fill(room: CliRoom) -> None:
    early = room.early
    early["upload before accept"], early["ask before accept"] = room.clients(
        ("acme-brand", "upload", "exposures", "exposures.csv"),
        ("acme-brand", "ask", "match-rate", *PAIR),
    )
    _all(room, *((party, "accept", "--file", "policy.yaml") for party in PARTIES))
    early["seal before upload"] = room.client("acme-brand", "seal", "exposures")
    _all(room, *((owner, "upload", d, f"{d}.csv") for d, owner in OWNERS.items()))
    early["seal before blind"], early["ask before seal"] = room.clients(
        ("acme-brand", "seal", "exposures"), ("acme-brand", "ask", "match-rate", *PAIR)
    )
    _all(room, *((party, "blind", "--until-idle") for party in PARTIES))
    _all(room, *((owner, "seal", dataset) for dataset, owner in OWNERS.items()))


def _all(room: CliRoom, *commands: tuple[object, ...]) -> None:
    for result in room.clients(*commands):
        result.ok()


def tables() -> dict[str, list[str]]:
    """The lines of three files: two thirds of the people bought, half are in the panel."""
    exposures = ["email,city,channel,arm,impressions,purposes,consent_at,consent_until"]
    sales, panel = [SALES_HEAD], ["email,income,purposes,consent_at,consent_until"]
    for i in range(PEOPLE):
        mail, test = f"p{i}@example.com", i * 7919 % 2
        city, arm = ("ufa", "kazan", "perm")[i % 3], ("control", "test")[test]
        channel = ("video", "social", "both")[i % 9 // 3]
        exposures.append(f"{mail},{city},{channel},{arm},{i % 9},{CONSENT}")
        if i % 3 or test:
            amount = f"{10 + i % 50 + 30 * test}.50"
            sales.append(f"{mail},2026-03-0{1 + i % 9},{amount},hair-care,{CONSENT}")
        if i % 2:
            panel.append(f"{mail},{('low', 'high')[i % 4 // 2]},{CONSENT}")
    return {"exposures": exposures, "sales": sales, "panel": panel}
