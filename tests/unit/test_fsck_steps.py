"""fsck finds a history of policies that somebody changed behind the store's back."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from cleanroom.storage.fsck_steps import check_steps
from cleanroom.storage.sqlite import SqlStore
from support.policies import edited
from support.rooms import Room

POLICY = edited(("2026-03-01", "2026-01-01"))
DAMAGE = {
    "a step taken out": ("DELETE FROM policy_steps WHERE position = 2", "does not follow"),
    "the last step taken out": (
        "DELETE FROM policy_steps WHERE position = 4",
        "no step brought the policy that is in force",
    ),
    "another signature": (
        "UPDATE policy_steps SET signature = x'00' WHERE position = 2",
        "does not follow",
    ),
    "an acceptance without a signature": (
        "UPDATE policy_steps SET signature = x'' WHERE position = 4",
        "without a signature",
    ),
    "another statement": (
        "UPDATE policy_steps SET statement = x'00' WHERE position = 3",
        "does not begin",
    ),
    "another party": (
        "UPDATE policy_steps SET party = 'megamart' WHERE position = 2",
        "step 2 of spring-campaign",
    ),
    "another policy in force": (
        "UPDATE standings SET in_force = NULL",
        "no step brought the policy that is in force",
    ),
}


@pytest.fixture
def folder(tmp_path):
    Room.open(tmp_path, POLICY).service.store.close()
    return tmp_path


def _found(folder):
    with closing(SqlStore(folder / "cleanroom.sqlite")) as store:
        return [str(p) for p in store.read(lambda tx: check_steps(tx.collaborations))]


def test_a_history_as_it_was_signed_is_clean(folder):
    assert _found(folder) == []


@pytest.mark.parametrize(("statement", "word"), DAMAGE.values(), ids=DAMAGE.keys())
def test_each_damage_is_named(folder, statement, word):
    with closing(sqlite3.connect(folder / "cleanroom.sqlite")) as raw, raw:
        assert raw.execute(statement).rowcount == 1
    (problem,) = _found(folder)
    assert word in problem
