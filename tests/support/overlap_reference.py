"""Overlaps and purchases after contacts again, in plain pandas, from merged people.

Written from the documents and the model's docstrings, sharing no code with the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd

from cleanroom.analysis.request import ExactRequest
from cleanroom.model.question import Overlap, Ropo, RopoDefinition
from support.panels import Record
from support.reference import DAY_S, Person, people_of

MOST = 2**53 - 1


def statistics(
    request: ExactRequest, uploads: Mapping[str, Sequence[Record]], sealable: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return what the engine must return for uploads by dataset name."""
    sides = {
        v.schema.name: _usable(people_of(v.schema, uploads[v.schema.name], sealable), request)
        for v in request.versions
    }
    match request.question:
        case Overlap() as question:
            return _overlap(request, question, sides)
        case Ropo() as question:
            return _ropo(request, question, sides)
        case _:
            raise TypeError("neither an overlap nor a ROPO")


def _usable(people: list[Person], request: ExactRequest) -> list[Person]:
    end_s = request.epoch_s + DAY_S
    return [
        p
        for p in people
        if p["purposes"] & request.purposes == request.purposes
        and p["consent_at"] < end_s <= p["consent_until"]
    ]


def _pairs(request: ExactRequest, left: list[Person], right: list[Person]) -> dict[int, int]:
    """Return the partner of each matched person, by merges of the frames of who is still free."""
    tokens = [
        pd.DataFrame([p["tokens"] for p in side], columns=list(request.stages), dtype=object)
        for side in (left, right)
    ]
    ours, theirs = (frame.rename_axis("place").reset_index() for frame in tokens)
    found: dict[int, int] = {}
    for key in request.stages:
        stage = ours.dropna(subset=[key]).merge(
            theirs.dropna(subset=[key]), on=key, suffixes=("_left", "_right")
        )
        found |= dict(zip(stage["place_left"], stage["place_right"], strict=True))
        ours = ours[~ours["place"].isin(found.keys())]
        theirs = theirs[~theirs["place"].isin(found.values())]
    return found


def _cells(request: ExactRequest) -> list[tuple[int, ...]]:
    return list(product(*(range(len(g.domain.values)) for g in request.groupings)))


def _cell(request: ExactRequest, person: Person) -> tuple[int, ...]:
    return tuple(person["dims"][g.domain.name] for g in request.groupings)


def _overlap(
    request: ExactRequest, question: Overlap, sides: Mapping[str, list[Person]]
) -> dict[str, tuple[int, ...]]:
    hub = sides[question.hub]
    frame = pd.DataFrame({"cell": [_cell(request, p) for p in hub]}, dtype=object)
    for other in question.others:
        frame[other] = frame.index.isin(_pairs(request, hub, sides[other]).keys())
    values: dict[str, tuple[int, ...]] = {}
    for bits in product((False, True), repeat=len(question.others)):
        wanted = pd.Series(data=True, index=frame.index)
        for other, bit in zip(question.others, bits, strict=True):
            wanted &= frame[other] == bit
        inside = [o for o, bit in zip(question.others, bits, strict=True) if bit]
        name = f"only_in:{'+'.join(inside)}" if inside else "unmatched"
        values[name] = tuple(int((frame["cell"][wanted] == c).sum()) for c in _cells(request))
    return values


def _ropo(
    request: ExactRequest, question: Ropo, sides: Mapping[str, list[Person]]
) -> dict[str, tuple[int, ...]]:
    exposures, sales = sides[question.exposures], sides[question.sales]
    purchases = [_purchases(question, request, p) for p in sales]
    contacts = [_contacts(question, request, p) for p in exposures]
    partners = _pairs(request, exposures, sales)
    after = {
        j: [amount for at, amount in purchases[j] if _is_preceded(question, contacts[i], at)]
        for i, j in partners.items()
    }
    if question.definition is RopoDefinition.CONVERSION:
        converted = [i for i, j in partners.items() if after[j]]
        return {
            "contacted": _per_cell(request, exposures, {i: 1 for i, c in enumerate(contacts) if c}),
            "converted": _per_cell(request, exposures, dict.fromkeys(converted, 1)),
        }
    bought = {j: [amount for _, amount in p] for j, p in enumerate(purchases) if p}
    return {
        "buyers": _per_cell(request, sales, dict.fromkeys(bought, 1)),
        "purchases": _per_cell(request, sales, _clipped(request, bought)),
        "preceded": _per_cell(request, sales, _clipped(request, after)),
    }


def _per_cell(
    request: ExactRequest, people: list[Person], values: Mapping[int, int]
) -> tuple[int, ...]:
    cells = [_cell(request, p) for p in people]
    return tuple(sum(v for i, v in values.items() if cells[i] == c) for c in _cells(request))


def _clipped(request: ExactRequest, amounts: Mapping[int, list[int]]) -> dict[int, int]:
    return {j: max(0, min(request.bound, sum(a))) for j, a in amounts.items()}


def _is_preceded(question: Ropo, contacts: list[int], at: int) -> bool:
    return any(contact <= at <= contact + question.days * DAY_S for contact in contacts)


def _contacts(question: Ropo, request: ExactRequest, person: Person) -> list[int]:
    (schema,) = [v.schema for v in request.versions if v.schema.name == question.exposures]
    window = question.window
    return [
        e["at"]
        for e in person["events"]
        if (not schema.counts or any(e.get(c.name, 0) > 0 for c in schema.counts))
        and abs(e["at"]) <= MOST
        and (window is None or window.from_s - question.days * DAY_S <= e["at"] < window.until_s)
    ]


def _purchases(question: Ropo, request: ExactRequest, person: Person) -> list[tuple[int, int]]:
    (schema,) = [v.schema for v in request.versions if v.schema.name == question.sales]
    filters, window = dict(question.filters), question.window
    found = []
    for event in person["events"]:
        listed = all(
            d.values[event.get(d.name, 0)] in filters[d.name]
            for d in schema.filters
            if d.name in filters
        )
        inside = window is None or window.from_s <= event["at"] < window.until_s
        if listed and inside and abs(event["at"]) <= MOST and event.get("amount", 0) > 0:
            amount = 1 if question.measure == "visits" else event["amount"]
            found.append((event["at"], amount))
    return found
