"""Messages are taken before they are wanted, only so many, and none that came is lost."""

from __future__ import annotations

import threading

import pytest

from cleanroom.rpc.ahead import ahead


def test_items_come_in_order_whatever_they_are():
    assert list(ahead([None, (), (1,), 2], 1)) == [None, (), (1,), 2]
    assert list(ahead([], 3)) == []
    assert list(ahead(range(100), 3)) == list(range(100))


def test_of_items_that_break_off_what_came_before_is_given_first():
    def broken():
        yield from range(5)
        raise ConnectionError

    given = []
    with pytest.raises(ConnectionError):
        given.extend(ahead(broken(), 2))
    assert given == [0, 1, 2, 3, 4]


def test_items_are_taken_while_one_is_worked_on_but_only_so_many():
    taken, enough = [], threading.Event()

    def told():
        for n in range(10):
            taken.append(n)
            if n == 4:
                enough.set()
            yield n

    items = ahead(told(), 3)
    assert next(items) == 0
    assert enough.wait(10)  # one given, three that wait, one in the thread's hand
    assert not threading.Event().wait(0.05)
    assert taken == [0, 1, 2, 3, 4]
    assert list(items) == list(range(1, 10))


def test_a_thread_whose_items_nobody_wants_ends():
    ended = threading.Event()

    def endless():
        try:
            while True:
                yield 0
        finally:
            ended.set()

    items = ahead(endless(), 2)
    next(items)
    items.close()
    assert ended.wait(10)
