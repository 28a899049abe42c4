"""Work ahead in a thread: bounded, in order, and over when nobody waits for it."""

from __future__ import annotations

import threading
import time

import pytest

from cleanroom_client.ahead import Ahead


def _idle():
    pass


def _threads():
    return threading.active_count()


def test_items_come_in_order_from_another_thread():
    def work(check):
        for i in range(50):
            yield i, threading.get_ident()

    with Ahead(work) as ahead:
        items = list(ahead.each(_idle))
    assert [i for i, _ in items] == list(range(50))
    assert {ident for _, ident in items}.isdisjoint({threading.get_ident()})


def test_no_more_is_made_than_there_is_room_for():
    made = []

    def work(check):
        for i in range(20):
            made.append(i)
            yield i

    most = 0
    with Ahead(work, room=2) as ahead:
        for taken, _ in enumerate(ahead.each(_idle), start=1):
            time.sleep(0.002)
            most = max(most, len(made) - taken)
    assert len(made) == 20
    assert most <= 3  # two that wait and one in the making


def test_what_the_work_raises_comes_behind_what_it_gave():
    def work(check):
        yield 1
        yield 2
        raise ValueError("the third is bad")

    for room in (1, 5):
        seen = []
        with Ahead(work, room=room) as ahead, pytest.raises(ValueError, match="third"):
            seen.extend(ahead.each(_idle))
        assert seen == [1, 2]


def test_leaving_ends_the_work_at_its_next_item_and_closes_it():
    closed = threading.Event()

    def work(check):
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = _threads()
    with Ahead(work) as ahead:
        assert next(ahead.each(_idle)) == 0
        assert not closed.is_set()
    assert closed.is_set()
    assert _threads() == before


def test_leaving_ends_long_work_at_its_next_check_in_every_stage():
    started, closed = threading.Event(), []

    def inner(check):
        try:
            yield 0
            while True:
                check()
                time.sleep(0.001)
        finally:
            closed.append("inner")

    def outer(check):
        with Ahead(inner) as items:
            for item in items.each(check):
                started.set()
                yield item
        closed.append("never")

    before = _threads()
    with Ahead(outer):
        assert started.wait(10)
    assert closed == ["inner"]
    assert _threads() == before


def test_whoever_waits_hears_so_now_and_then():
    waits = []

    def work(check):
        while not waits:
            time.sleep(0.001)
        yield len(waits)

    with Ahead(work) as ahead:
        assert list(ahead.each(lambda: waits.append(1))) == [1]


def test_items_that_wait_can_be_taken_together():
    filled = threading.Event()

    def work(check):
        for i in range(7):
            if i == 3:
                filled.set()
            yield i

    with Ahead(work, room=3) as ahead:
        filled.wait(10)
        groups = list(ahead.together(_idle, most=lambda: 2))
    assert [item for group in groups for item in group] == list(range(7))
    assert groups[0] == [0, 1]
    assert all(1 <= len(group) <= 2 for group in groups)
