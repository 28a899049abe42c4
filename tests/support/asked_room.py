"""A sandbox whose log holds a few questions of a day in June, for commands that read it.

Its people are so many, or so few, that the noise of the demo's policy decides nothing: a number is
four standard deviations from every line that the examples of docs/policy-tools.md draw.
"""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace

from cleanroom.config import load_config
from cleanroom.model.errors import QuestionRefused
from cleanroom.model.question import MatchRate, SalesLift, SegmentSize
from cleanroom.policy.parse import parse_policy
from cleanroom.sandbox.create import create_sandbox
from cleanroom.usecases import collaborate
from cleanroom.wiring.build import build_service
from cleanroom.wiring.opening import open_store
from support.policies import EXAMPLES
from support.rooms import OFFICER, Room, TestClock

POLICY = (EXAMPLES / "demo.yaml").read_bytes()
CITIES = (400, 400, 106)  # ufa, kazan, samara
SIZES = SegmentSize(datasets=("exposures", "sales"), by=("city",))
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="buyers", by=("city",))


def ask_in_a_room(folder):
    """Make `folder/room` and put its questions: three answered, one refused."""
    sandbox = create_sandbox(folder / "room", POLICY)
    config = load_config(sandbox.server_config)
    with closing(open_store(config)) as store:
        service = replace(build_service(config, store), clock=TestClock())
        room = Room(service=service, policy=parse_policy(POLICY))
        collaborate.propose(service, OFFICER, POLICY)
        for member in room.policy.parties:
            room.accept(member.name)
        people = [
            {"email": f"e{city}-{i}", "city": city}
            for city, count in enumerate(CITIES)
            for i in range(count)
        ]
        room.fill(
            exposures=[p | {"segment": 0, "arm": i % 2} for i, p in enumerate(people)],
            sales=[{"email": p["email"], "amount": 100} for p in people],
        )
        room.ask("acme-brand", MatchRate(datasets=("exposures", "sales")))
        room.ask("acme-brand", SIZES)
        room.ask("acme-brand", LIFT)
        with suppress(QuestionRefused):
            room.ask("megamart", LIFT)
    return sandbox
