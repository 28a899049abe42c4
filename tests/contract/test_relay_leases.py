"""Agents that share the work of a party: leases of tasks, whose they are, and when they end."""

from __future__ import annotations

import pytest

from cleanroom.model.errors import FieldInvalid, UploadConflict
from cleanroom.ports.records import TaskState
from cleanroom.usecases import relay, spread
from support.policies import edited
from support.rooms import Room, party

POLICY = edited(("2026-03-01", "2026-01-01"), name="spring-campaign")
PEOPLE = [{"email": f"e{i}", "phone": f"p{i // 2}", "amount": 100 + i} for i in range(120)]


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room whose lists are in four shards."""
    monkeypatch.setattr(spread, "MIN_BUCKET", 256)
    monkeypatch.setattr(spread, "SHARD_ELEMENTS", 64)
    return Room.open(tmp_path, POLICY, in_memory=True)


def _take(room, task, answer, index=0):
    return relay.take(room.service, party("acme-brand"), task=task.id, index=index, elements=answer)


def _tasks(room, agent):
    ready, _ = relay.tasks(room.service, party("acme-brand"), agent)
    return [t.id for t in ready]


def test_agents_of_one_party_are_given_different_tasks(room):
    room.upload("sales", PEOPLE)
    everything = _tasks(room, "")
    given = [_tasks(room, f"agent-{i}") for i in range(len(everything))]
    assert [len(tasks) for tasks in given] == [1] * len(everything)
    assert sorted(t for tasks in given for t in tasks) == sorted(everything)
    assert _tasks(room, "one-too-many") == []
    assert _tasks(room, "agent-0") == given[0]  # the same when it asks again


def test_a_task_is_given_to_another_agent_when_its_lease_ran_out_and_goes_on_there(
    room, monkeypatch
):
    monkeypatch.setattr(relay, "CHUNK_ELEMENTS", 50)
    room.upload("sales", PEOPLE)
    (first,) = _tasks(room, "dead")
    for other in _tasks(room, ""):
        if other != first:
            _finish(room, other)
    chunks = dict(relay.stream(room.service, party("acme-brand"), first, 0))
    room.service.clock.now += relay.LEASE_S - 1
    # A chunk returned renews the lease.
    _take(room, _own(room, first), room.evaluated("acme-brand", chunks[0]))
    room.service.clock.now += relay.LEASE_S - 1
    assert _tasks(room, "alive") == []
    room.service.clock.now += 1
    assert _tasks(room, "alive") == [first]
    assert _own(room, first).returned == 1
    _finish(room, first)
    assert _own(room, first).state is TaskState.DONE


def _own(room, task):
    return room.service.store.read(lambda tx: tx.relay.get(task))


def _finish(room, task):
    at = _own(room, task).returned
    for index, packed in relay.stream(room.service, party("acme-brand"), task, at):
        _take(room, _own(room, task), room.evaluated("acme-brand", packed), index)


def test_a_free_task_goes_before_one_whose_lease_ran_out(room):
    room.upload("sales", PEOPLE)
    (first,) = _tasks(room, "dead")
    room.service.clock.now += relay.LEASE_S
    for _ in range(len(_tasks(room, "")) - 1):
        (given,) = _tasks(room, "alive")
        assert given != first
        _finish(room, given)
    assert _tasks(room, "alive") == [first]


def test_an_agent_that_starts_again_under_its_name_has_its_task_at_once_even_late(room):
    room.upload("sales", PEOPLE)
    (first,) = _tasks(room, "mine")
    assert _tasks(room, "mine") == [first]
    room.service.clock.now += 2 * relay.LEASE_S
    assert _tasks(room, "mine") == [first]  # and the lease is renewed
    room.service.clock.now += relay.LEASE_S - 1
    assert first not in _tasks(room, "other")


def test_two_agents_on_one_task_are_harmless(room, monkeypatch):
    monkeypatch.setattr(relay, "CHUNK_ELEMENTS", 50)
    room.upload("sales", PEOPLE)
    (task,) = _tasks(room, "one")
    chunks = list(relay.stream(room.service, party("acme-brand"), task, 0))
    assert chunks == list(relay.stream(room.service, party("acme-brand"), task, 0))
    for index, packed in chunks:
        answer = room.evaluated("acme-brand", packed)
        for _ in range(2):
            done = _take(room, _own(room, task), answer, index)
    assert done.state is TaskState.DONE
    room.blind_all()
    assert room.seal("sales").persons == 60


@pytest.mark.parametrize("name", ["a" * 65, "a\0b", "a\nb", "\u202eagent"])
def test_a_name_of_an_agent_is_short_and_can_be_printed(room, name):
    """A database or a log may not take what else there is."""
    with pytest.raises(FieldInvalid, match="64"):
        relay.tasks(room.service, party("acme-brand"), name)


def test_a_dropped_task_streams_no_more(room):
    room.upload("sales", PEOPLE)
    (task,) = _tasks(room, "agent")
    room.upload("sales", PEOPLE[:10])
    with pytest.raises(UploadConflict):
        list(relay.stream(room.service, party("acme-brand"), task, 0))
