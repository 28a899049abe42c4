"""Messages of a stream are taken several at a time, and none that came is lost."""

from __future__ import annotations

import pytest

from cleanroom.rpc.groups import groups


def test_messages_come_in_groups_and_in_order():
    assert list(groups(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(groups([], 3)) == []


def test_of_a_stream_that_breaks_what_came_before_is_given_first():
    def broken():
        yield from range(5)
        raise ConnectionError

    given = []
    with pytest.raises(ConnectionError):
        given.extend(groups(broken(), 3))
    assert given == [[0, 1, 2], [3, 4]]


def test_no_more_is_read_than_a_group_holds():
    source = iter(range(10))
    assert next(groups(source, 4)) == [0, 1, 2, 3]
    assert next(source) == 4
