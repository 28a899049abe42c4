"""Several agents of one party over a real server: they share the work, and one takes over."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cleanroom_client.agent_name import agent_name
from support.dying_client import CHUNK_ELEMENTS, SMALL_RELAY
from support.processes import ENVIRONMENT, exposures_frame, policy_text

PEOPLE = 240
LEASE_S = 3
SHARDS = {
    "cleanroom.usecases.elements:MIN_PICKS": 32,
    "cleanroom.usecases.spread:MIN_BUCKET": 256,
    "cleanroom.usecases.spread:SHARD_ELEMENTS": 64,
    "cleanroom.usecases.relay:LEASE_S": LEASE_S,
}
TASKS = 2 * 8  # of a bucket of 256, for each of two key types
SEGMENT = 2 * CHUNK_ELEMENTS


@pytest.fixture(scope="module")
def site(make_small_site):
    return make_small_site(policy_text(), **SMALL_RELAY, **SHARDS)


@pytest.fixture(scope="module")
def acme(site):
    with site.room("acme-brand") as room:
        yield room


@pytest.fixture(scope="module")
def alone(site, acme):
    """What one agent does alone: the content digest, and how many elements its relay took."""
    acme.upload("exposures", exposures_frame(PEOPLE))
    with site.room("megamart") as room:
        elements = room.blind(max_wait_s=30)
    return acme.seal("exposures").content_digest, elements


@pytest.fixture
def uploaded(acme, alone):
    """All of it again, with nothing remembered."""
    assert alone
    acme.erase(acme.seal("exposures").id)
    acme.upload("exposures", exposures_frame(PEOPLE), again=True)


class Meeting:
    """An agent that stops at its first elements until it is let go."""

    def __init__(self, site):
        self.site, self.came, self.leave = site, threading.Event(), threading.Event()

    def run(self):
        with self.site.room("megamart") as room:
            return room.blind(max_wait_s=30, progress=self._progress)

    def _progress(self, stage, _done, _total=None):
        if stage == "elements evaluated":
            self.came.set()
            assert self.leave.wait(60)


def test_two_agents_work_at_once_and_no_element_is_evaluated_twice(site, acme, alone, uploaded):
    digest, elements = alone
    meetings = [Meeting(site), Meeting(site)]
    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(meeting.run) for meeting in meetings]
        for meeting in meetings:  # each has elements in hand while the other has
            assert meeting.came.wait(60)
        for meeting in meetings:
            meeting.leave.set()
        done = [work.result() for work in working]
    assert sum(done) == elements
    assert acme.seal("exposures").content_digest == digest


def test_a_killed_agents_task_is_taken_over_at_the_chunk_where_it_stood(
    site, acme, alone, uploaded
):
    digest, elements = alone
    meeting = Meeting(site)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(meeting.run)
        assert meeting.came.wait(60)
        _killed(site, deadly=3)  # one task done, and one segment of another returned
        meeting.leave.set()
        done = working.result()
    assert done == elements - elements // TASKS - SEGMENT
    assert acme.seal("exposures").content_digest == digest


def _killed(site, deadly):
    order = {
        "profile": str(site.sandbox.profile("megamart")),
        "dataset": "",
        "file": "",
        "deadly": deadly,
        "sent": True,
    }
    command = [sys.executable, "-m", "support.dying_client", json.dumps(order)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()


def test_nothing_of_this_left_a_problem(site, alone):
    assert alone
    assert site.stop() == 0
    assert [str(p) for p in site.fsck() if not p.is_note] == []


# --- names


def _entropy():
    numbers = iter(range(1, 100))
    return lambda n: next(numbers).to_bytes(n, "big")


def test_agents_at_once_have_different_names_and_a_later_one_has_the_name_again(tmp_path):
    keystore, entropy = tmp_path / "acme.keystore.json", _entropy()
    with agent_name(keystore, entropy) as first, agent_name(keystore, entropy) as second:
        assert first != second
    with agent_name(keystore, entropy) as again:
        assert again == first
    assert len(first) == 32
    with agent_name(tmp_path / "other.keystore.json", entropy) as other:
        assert other not in {first, second}


def test_a_copied_keystore_has_other_names_on_another_machine(tmp_path, monkeypatch):
    keystore, names = tmp_path / "acme.keystore.json", []
    for machine in ("here", "there", "here"):
        monkeypatch.setattr(platform, "node", lambda machine=machine: machine)
        with agent_name(keystore, _entropy()) as name:
            names.append(name)
    assert names[0] == names[2] != names[1]


def test_a_torn_name_is_made_anew_and_a_folder_without_room_gives_a_new_one(tmp_path):
    keystore, entropy = tmp_path / "acme.keystore.json", _entropy()
    keystore.with_suffix(".agent-0").write_bytes(b"0123")
    with agent_name(keystore, entropy) as name:
        assert len(name) == 32
    for _ in range(2):
        with agent_name(tmp_path / "absent" / "acme.keystore.json", entropy) as name:
            assert len(name) == 32
