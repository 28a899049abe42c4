"""Planted campaigns are found with the entries behind them; an honest year is quiet."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom.analysis.anomalies import REPEATS, AnomalyKind, Put, question_anomalies
from cleanroom.analysis.list_anomalies import Answer, list_anomalies
from cleanroom.analysis.span import isolated
from cleanroom.model.events import Window
from cleanroom.model.question import ContributionBound, MatchRate, SalesLift

DAY = 86_400
NOON = 1_772_366_400
CATEGORIES = tuple(f"c{i:02}" for i in range(30))
DOMAINS = {("spring", "category"): CATEGORIES}
LIFT = SalesLift(exposures="exposures", sales="sales", outcome="amount", by=("city",))
V1 = (("exposures", "v1"), ("sales", "v1"))
V2 = (("exposures", "v1"), ("sales", "v2"))


def puts(*questions, asker="acme", versions=V1, every_s=DAY, loss=1000):
    """Return questions put one after the other; each may be (question, changes)."""
    made, entry = [], count(10)
    for position, one in enumerate(questions):
        question, changes = one if isinstance(one, tuple) else (one, {})
        usual = {
            "entry": next(entry),
            "collaboration": "spring",
            "asker": asker,
            "question": question,
            "nano_rho": loss,
            "versions": versions,
            "epoch_s": NOON,
            "at_s": NOON + position * every_s,
        }
        made.append(Put(**(usual | changes)))
    return made


def only(*values):
    return replace(LIFT, filters=(("category", values),))


def within(first, last):
    window = Window(from_s=NOON + first * DAY, until_s=NOON + last * DAY)
    return replace(LIFT, window=window)


def found(asked, kind=None):
    told = question_anomalies(asked, DOMAINS)
    return [one for one in told if kind is None or one.kind is kind]


def test_all_values_and_all_but_one_tell_of_the_one():
    (one,) = found(puts(only(*CATEGORIES), only(*CATEGORIES[:-1])))
    assert one.kind is AnomalyKind.DIFFERENCE
    assert (one.entries, one.parties) == ((10, 11), ("acme",))
    assert "“c29” of 30 values" in one.what


def test_no_filter_is_all_values():
    (one,) = found(puts(LIFT, only(*CATEGORIES[1:])))
    assert "“c00”" in one.what


def test_two_parties_together_are_found_as_one():
    both = puts(only(*CATEGORIES), (only(*CATEGORIES[:-1]), {"asker": "megamart"}))
    (one,) = found(both)
    assert one.parties == ("acme", "megamart")


def test_three_overlapping_unions_tell_of_what_no_two_do():
    a, b, c = CATEGORIES[:1], CATEGORIES[1:2], CATEGORIES[2:3]
    asked = puts(only(*a, *b), only(*b, *c), only(*a, *c))
    told = found(asked)
    assert [one.entries for one in told] == [(10, 11, 12)] * 3
    assert found(asked[:2]) == []


def test_a_window_and_one_that_is_a_day_longer_tell_of_the_day():
    (one,) = found(puts(within(0, 30), within(0, 31)))
    assert "1 day of 30 days" in one.what


def test_a_chain_of_windows_is_seen_through():
    # 0-30, 10-30 and 10-31 tell of 0-10, which is no small part; with 0-31 of the last day too.
    assert found(puts(within(0, 30), within(10, 30), within(10, 31)))
    told = found(puts(within(0, 20), within(10, 31), within(10, 20), within(0, 30)))
    assert [one.entries for one in told] == [(10, 11, 12, 13)]


def test_bounds_are_looked_at_too():
    bound = ContributionBound(
        dataset="sales",
        measure="amount",
        quantile=Fraction(9, 10),
        grid=(1, 10),
        filters=only(*CATEGORIES).filters,
    )
    one_less = replace(bound, filters=only(*CATEGORIES[1:]).filters)
    assert len(found(puts(bound, one_less))) == 1


@pytest.mark.parametrize("change", ["loss", "epoch"])
def test_one_question_many_times_is_averaging(change):
    changes = [
        {"nano_rho": 1000 + i} if change == "loss" else {"epoch_s": NOON + i * DAY}
        for i in range(REPEATS)
    ]
    (one,) = found(puts(*[(LIFT, c) for c in changes]))
    assert one.kind is AnomalyKind.REPETITION
    assert len(one.entries) == REPEATS
    assert found(puts(*[(LIFT, c) for c in changes[1:]])) == []


def test_the_same_question_around_an_upload_is_noticed():
    (one,) = found(puts(LIFT, (LIFT, {"versions": V2}), every_s=3600))
    assert (one.kind, one.entries) == (AnomalyKind.REUPLOAD, (10, 11))
    assert "new version of sales" in one.what
    assert found(puts(LIFT, (LIFT, {"versions": V2}), every_s=7 * DAY)) == []


def test_an_honest_year_is_quiet():
    weeks = [within(7 * i, 7 * i + 7) for i in range(52)]
    months = [within(30 * i, 30 * i + 30) for i in range(12)]
    rolling = [within(7 * i, 7 * i + 28) for i in range(20)]
    single = [only(value) for value in CATEGORIES]
    focus = [LIFT, only(*CATEGORIES[:10]), only(*CATEGORIES[10:])]
    rates = [MatchRate(datasets=("exposures", "sales"), by=by) for by in ((), ("city",))]
    refreshed = [
        (LIFT, {"versions": (("exposures", f"v{i}"), ("sales", "v1")), "at_s": NOON + 7 * i * DAY})
        for i in range(10)
    ]
    for honest in (weeks, months, rolling, single, focus, rates, refreshed):
        assert found(puts(*honest)) == []
    assert found(puts(*weeks, *single, *focus, *rates)) == []


def test_a_part_that_is_not_small_is_no_finding():
    assert found(puts(only(*CATEGORIES), only(*CATEGORIES[:15]))) == []
    assert found(puts(within(0, 30), within(0, 60))) == []


def test_what_was_asked_for_itself_is_no_finding():
    assert found(puts(only(*CATEGORIES), only(*CATEGORIES[:-1]), only(CATEGORIES[-1]))) == []


ATOMS = st.frozensets(st.integers(0, 5), min_size=1)


@given(st.lists(ATOMS, min_size=1, max_size=6))
def test_a_part_is_isolated_exactly_where_the_rank_says_so(unions):
    every = sorted(set().union(*unions))
    signature = {a: tuple(a in u for u in unions) for a in every}
    parts = {s: tuple(a for a in every if signature[a] == s) for s in signature.values()}
    rows = np.array([[s[i] for s in parts] for i in range(len(unions))], dtype=float)
    rank, size = np.linalg.matrix_rank(rows), len(parts)
    expected = {
        frozenset(atoms)
        for position, atoms in enumerate(parts.values())
        if np.linalg.matrix_rank(np.vstack([rows, np.eye(size)[position]])) == rank
        and frozenset(atoms) not in unions
    }
    told = isolated(unions)
    assert {frozenset(one.atoms) for one in told} == expected
    for one in told:  # the unions named are enough
        used = np.array([[s[i] for s in parts] for i in one.unions], dtype=float)
        target = np.array([float(set(atoms) == set(one.atoms)) for atoms in parts.values()])
        assert np.linalg.matrix_rank(np.vstack([used, target])) == np.linalg.matrix_rank(used)


# lists


def answer(entry=20, versions=("v1", "v1"), scale=5.0, **statistics):
    measurement = {
        "versions": [["exposures", versions[0]], ["sales", versions[1]]],
        "parameters": [{"name": name, "scale": scale} for name in statistics],
        "cells": [{"statistics": list(statistics.items())}],
        "minimum_people": 50,
    }
    owners = {"exposures": "acme", "sales": "megamart"}
    return Answer(entry=entry, collaboration="spring", measurement=measurement, owners=owners)


def rate(exposures, sales, matched, **others):
    return answer(
        **others, **{"people:exposures": exposures, "people:sales": sales, "matched": matched}
    )


def lists(*answers):
    return [(one.kind, one.parties, one.entries) for one in list_anomalies(answers)]


def test_a_list_that_finds_everybody_is_a_dictionary():
    assert lists(rate(10_000_000, 20_000, 19_900)) == [(AnomalyKind.DICTIONARY, ("acme",), (20,))]


def test_a_large_list_of_which_nobody_matches_is_noticed():
    assert lists(rate(20_000, 900_000, 40)) == [(AnomalyKind.DICTIONARY, ("megamart",), (20,))]


def test_a_tiny_list_is_noticed():
    assert lists(rate(120, 20_000, 100)) == [(AnomalyKind.TINY_LIST, ("acme",), (20,))]


def test_a_jump_between_versions_is_noticed():
    told = lists(
        answer(entry=20, **{"people:sales": 20_000}),
        answer(entry=30, versions=("v1", "v2"), **{"people:sales": 90_000}),
    )
    assert told == [(AnomalyKind.SIZE_JUMP, ("megamart",), (20, 30))]


@pytest.mark.parametrize(
    "honest",
    [
        rate(200_000, 300_000, 120_000),
        rate(1_000_000, 20_000, 9_000),
        rate(30_000, 25_000, 24_900),
        rate(None, None, None),
        rate(20_000, 900_000, 40, scale=900.0),
        rate(120, 20_000, 100, scale=60.0),
    ],
)
def test_honest_lists_and_noise_too_large_to_tell_are_quiet(honest):
    assert lists(honest) == []


def test_growth_and_noise_are_no_jump():
    assert (
        lists(
            answer(entry=20, **{"people:sales": 20_000}),
            answer(entry=30, versions=("v1", "v2"), **{"people:sales": 26_000}),
            answer(entry=40, versions=("v1", "v3"), scale=9_000.0, **{"people:sales": 70_000}),
        )
        == []
    )
