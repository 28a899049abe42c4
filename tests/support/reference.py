"""Every statistic of the engine again, from records, in plain Python.

Written from docs and model docstrings, sharing no code with the engine: people by union-find,
matching by dictionaries, sums of Python integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import pandas as pd

from cleanroom.analysis.request import ExactRequest
from cleanroom.model.allowance import Grouping
from cleanroom.model.dataset import DatasetSchema, Unit
from cleanroom.model.question import (
    ContributionBound,
    MatchRate,
    Population,
    SalesLift,
    SegmentSize,
    Window,
)
from support.panels import USUAL, Record, reference, token

DAY_S = 86_400
Person = dict[str, Any]


def people_of(
    schema: DatasetSchema, records: Sequence[Record], sealable: tuple[int, ...]
) -> list[Person]:
    """Return merged people; their rows are under `events`, their tokens under `tokens`."""
    rows = [{**USUAL, **record} for record in records]
    rows = [r for r in rows if any(r["purposes"] & s == s for s in sealable)]
    groups: list[tuple[set[tuple[str, str]], list[dict[str, Any]]]] = []
    for row in rows:
        names = {(k, row[k]) for k in ("ref", *schema.keys) if row.get(k) is not None}
        joined = [g for g in groups if g[0] & names]
        groups = [g for g in groups if not g[0] & names]
        merged = set().union(names, *(g[0] for g in joined))
        groups.append((merged, [r for g in joined for r in g[1]] + [row]))
    return [_person(schema, names, events) for names, events in groups]


def _person(
    schema: DatasetSchema, names: set[tuple[str, str]], events: list[dict[str, Any]]
) -> Person:
    arms = {e["arm"] for e in events}
    purposes = events[0]["purposes"]
    for event in events:
        purposes &= event["purposes"]
    return {
        "tokens": {
            key: min((token(text) for kind, text in names if kind == key), default=None)
            for key in schema.keys
        },
        "refs": {reference(text) for kind, text in names if kind == "ref"},
        "dims": {d.name: min(e.get(d.name, 0) for e in events) for d in schema.dimensions},
        "arm": arms.pop() if len(arms) == 1 else -1,
        "purposes": purposes,
        "consent_at": max(e["consent_at"] for e in events),
        "consent_until": min(e["consent_until"] for e in events),
        "events": events,
    }


def statistics(
    request: ExactRequest, uploads: Mapping[str, Sequence[Record]], sealable: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Return what the engine must return for uploads by dataset name."""
    sides = []
    for version in request.versions:
        people = people_of(version.schema, uploads[version.schema.name], sealable)
        sides.append([p for p in people if _usable(p, request)])
    match request.question:
        case MatchRate():
            return _match_rate(request, sides)
        case SegmentSize():
            return _segment_size(request, sides)
        case SalesLift() as question:
            return _lift(request, question, sides)
        case ContributionBound() as question:
            return _contributions(request, question, sides[0])


def _usable(person: Person, request: ExactRequest) -> bool:
    end_s = request.epoch_s + DAY_S
    return (
        person["purposes"] & request.purposes == request.purposes
        and person["consent_at"] < end_s <= person["consent_until"]
    )


def _pairs(request: ExactRequest, sides: list[list[Person]]) -> list[tuple[int, int, str]]:
    left, right = sides
    found: list[tuple[int, int, str]] = []
    for key in request.stages:
        taken_left, taken_right = {p[0] for p in found}, {p[1] for p in found}
        holder = {
            p["tokens"][key]: i
            for i, p in enumerate(right)
            if i not in taken_right and p["tokens"][key] is not None
        }
        for i, person in enumerate(left):
            partner = holder.get(person["tokens"][key])
            if i not in taken_left and partner is not None:
                found.append((i, partner, str(key)))
    return found


def _cell(request: ExactRequest, people: Mapping[str, Person]) -> tuple[int, ...]:
    return tuple(_code(request, g, people[g.dataset]) for g in _groupings(request))


def _groupings(request: ExactRequest) -> tuple[Grouping, ...]:
    return () if request.pooled else (*request.groupings, *request.strata)


def _code(request: ExactRequest, grouping: Grouping, person: Person) -> int:
    if grouping.buckets is None:
        return person["dims"][grouping.domain.name]
    (schema,) = (v.schema for v in request.versions if v.schema.name == grouping.dataset)
    total = _sum(schema, grouping.domain.name, grouping.buckets, person)
    # The last bucket whose least number is reached; pandas' bins are closed on the left.
    edges = [-(2**80), *grouping.buckets.edges, 2**80]
    return pd.IntervalIndex.from_breaks([float(e) for e in edges], closed="left").get_loc(
        float(max(-(2**70), min(2**70, total)))
    )


def _sum(schema: DatasetSchema, name: str, rule: Any, person: Person) -> int:
    """Return a person's sum of a count or measure over the events that `rule` keeps."""
    rows = any(m.name == name and m.unit is Unit.ROWS for m in schema.measures)
    events = [e for e in person["events"] if _passes(rule, schema, e)]
    return sum(1 if rows else e.get(name, 0) for e in events)


def _contributions(
    request: ExactRequest, question: ContributionBound, people: list[Person]
) -> dict[str, tuple[int, ...]]:
    schema = request.versions[0].schema
    sums = [_sum(schema, question.measure, question, person) for person in people]
    clipped = pd.Series([min(s, request.bound) for s in sums if s > 0], dtype="float64")
    points = [*(g for g in question.grid if g < request.bound), request.bound]
    found = pd.cut(clipped, [0, *points]).value_counts(sort=False)
    return {f"up_to:{p}": (int(n),) for p, n in zip(points, found, strict=True)}


def _counted(request: ExactRequest, found: list[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(found.count(cell) for cell in _all_cells(request))


def _all_cells(request: ExactRequest) -> list[tuple[int, ...]]:
    return list(product(*(range(len(g.domain.values)) for g in _groupings(request))))


def _matched_cells(
    request: ExactRequest, sides: list[list[Person]]
) -> list[tuple[str, tuple[int, ...]]]:
    a, b = (v.schema.name for v in request.versions)
    return [
        (key, _cell(request, {a: sides[0][i], b: sides[1][j]}))
        for i, j, key in _pairs(request, sides)
    ]


def _match_rate(request: ExactRequest, sides: list[list[Person]]) -> dict[str, tuple[int, ...]]:
    values = {}
    for version, people in zip(request.versions, sides, strict=True):
        name = version.schema.name
        if {g.dataset for g in request.groupings} <= {name}:
            cells = [_cell(request, {name: p}) for p in people]
            values[f"people:{name}"] = _counted(request, cells)
    matched = _matched_cells(request, sides)
    values["matched"] = _counted(request, [c for _, c in matched])
    if len(request.stages) > 1:
        for key in request.stages:
            cells = [c for k, c in matched if k == key]
            values[f"matched:{key}"] = _counted(request, cells)
    return values


def _segment_size(request: ExactRequest, sides: list[list[Person]]) -> dict[str, tuple[int, ...]]:
    if len(sides) == 2:
        return {"matched": _counted(request, [c for _, c in _matched_cells(request, sides)])}
    name = request.versions[0].schema.name
    return {f"people:{name}": _counted(request, [_cell(request, {name: p}) for p in sides[0]])}


def _lift(
    request: ExactRequest, question: SalesLift, sides: list[list[Person]]
) -> dict[str, tuple[int, ...]]:
    exposures, sales = sides
    partner = {i: sales[j] for i, j, _ in _pairs(request, sides)}
    schema = request.versions[1].schema
    rows = []
    for i, person in enumerate(exposures):
        exposed = sum(e.get(question.exposed_by, 0) for e in person["events"]) > 0
        group = int(exposed) if question.design == "observational" else person["arm"]
        if group in (0, 1) and (i in partner or question.population is Population.ALL):
            bought = _bought(request, question, schema, partner[i]) if i in partner else {}
            cell = _cell(request, {question.exposures: person})
            rows.append({"cell": cell, "group": group, "exposed": exposed, **bought})
    if request.pooled:
        return {f"{k}:pooled": (sum(_kind(k, r, request) for r in rows),) for k in _kinds(request)}
    names = ("unexposed", "exposed") if question.design == "observational" else ("control", "test")
    return {
        f"{kind}:{name}": tuple(
            sum(_kind(kind, r, request) for r in rows if (r["group"], r["cell"]) == (code, cell))
            for cell in _all_cells(request)
        )
        for code, name in enumerate(names)
        for kind in _kinds(request)
    }


def _kinds(request: ExactRequest) -> list[str]:
    """The table of docs/lift.md, told apart by what a lift is."""
    question = request.question
    share = question.outcome in ("buyers", "new_buyers", "repeat_buyers")
    if question.outcome == "average_order":
        return ["n", "s", "q", "v", "qv", "pv"]
    if question.adjustment == "change_score":
        return ["n", "s", "q"]
    if question.adjustment == "cuped_two_stage" and not request.pooled:
        return ["n", "s", "q", "w"]
    kinds = ["n", "s"] if share else ["n", "s", "q"]
    if question.design == "randomized_encouragement":
        return [*kinds, "e", "r"]
    if question.adjustment in ("cuped", "cuped_two_stage"):
        return [*kinds, "x", "px"] if share else [*kinds, "x", "qx", "px"]
    return kinds


def _kind(kind: str, row: Mapping[str, Any], request: ExactRequest) -> int:
    """Half a unit is rounded up, as decimals write it, here with exact fractions."""
    y, x, v = (row.get(name, 0) for name in "yxv")
    root = {
        name: floor(Fraction(value, unit) + Fraction(unit // 2, unit))
        for name, value, unit in (
            ("y", y, request.square_unit),
            ("x", x, request.square_unit),
            ("v", v, request.visits_unit),
        )
    }
    return {
        "n": 1,
        "e": int(row["exposed"]),
        "r": y * row["exposed"],
        "s": y,
        "x": x,
        "v": v,
        "w": row.get("w", 0),
        "q": root["y"] ** 2,
        "qx": root["x"] ** 2,
        "px": root["y"] * root["x"],
        "qv": root["v"] ** 2,
        "pv": root["y"] * root["v"],
    }[kind]


def _bought(
    request: ExactRequest, question: SalesLift, schema: DatasetSchema, person: Person
) -> dict[str, int]:
    def within(value: int, low: int, high: int) -> int:
        return max(low, min(high, value))

    events = [e for e in person["events"] if _filtered(question, schema, e)]
    after = [e for e in events if _inside(question.window, e)]
    earlier = [e for e in events if question.before and _inside(question.before, e)]
    if question.outcome in ("new_buyers", "repeat_buyers"):
        wanted = question.outcome == "repeat_buyers"
        return {"y": int(_buyer(after) and _buyer(earlier) == wanted)}
    if question.outcome == "buyers":
        y, x = int(_buyer(after)), int(_buyer(earlier))
        low, high, raw = 0, 1, y - x
    else:
        low, high = request.low, request.bound
        y, x = _total(question, schema, after), _total(question, schema, earlier)
        raw = y - x
    if question.adjustment == "change_score":
        return {"y": raw if question.outcome == "buyers" else within(raw, low, high)}
    y, x = within(y, low, high), within(x, low, high)
    if request.residual is not None:
        bound = request.residual.bound
        whole = floor(y - Fraction(request.residual.theta, 2**16) * x + Fraction(1, 2))
        inside = within(whole, -bound, bound)
        return {"y": inside, "w": within(whole, -2 * bound, 2 * bound) - inside}
    return {"y": y, "x": x, "v": within(len(after), 0, request.visits_bound)}


def _buyer(events: list[dict[str, Any]]) -> bool:
    return any(e.get("amount", 0) > 0 for e in events)


def _total(question: SalesLift, schema: DatasetSchema, events: list[dict[str, Any]]) -> int:
    name = "amount" if question.outcome == "average_order" else question.outcome
    measure = schema.measure(name)
    assert measure is not None
    if measure.unit is Unit.ROWS:
        return len(events)
    return sum(e.get(name, 0) for e in events)


def _passes(rule: Any, schema: DatasetSchema, event: Record) -> bool:
    return _inside(rule.window, event) and _filtered(rule, schema, event)


def _inside(window: Window | None, event: Record) -> bool:
    return window is None or window.from_s <= event["at"] < window.until_s


def _filtered(question: Any, schema: DatasetSchema, event: Record) -> bool:
    wanted = dict(question.filters)
    return all(
        d.values[event.get(d.name, 0)] in wanted[d.name] for d in schema.filters if d.name in wanted
    )
