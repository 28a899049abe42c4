"""Whatever is cut in the middle of an upload or a relay pass, a repeat goes on from there.

The sealed content is that of the undisturbed upload, to the last bit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import count

import pytest

from cleanroom_client import CleanRoom, Patience, transport
from cleanroom_client.errors import ServiceUnreachable
from cleanroom_client.profile import Profile
from support.cutting_proxy import proxied
from support.dying_client import ROWS, SMALL_RELAY
from support.processes import (
    ENVIRONMENT,
    blind_once,
    exposures_frame,
    policy_text,
    sales_frame,
)

PEOPLE = 240
CHUNKS = PEOPLE // ROWS
PATIENCE = Patience(timeout_s=60.0, give_up_s=30.0)


@pytest.fixture(scope="module")
def site(make_small_site):
    return make_small_site(policy_text(), **SMALL_RELAY)


@pytest.fixture(scope="module")
def rooms(site):
    with site.room("acme-brand") as acme, site.room("megamart") as mega:
        yield acme, mega


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "exposures.csv"
    exposures_frame(PEOPLE).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def undisturbed(rooms, file):
    """The content digest of the upload that nothing cut, and how many elements its relay took."""
    acme, mega = rooms
    mega.upload("sales", sales_frame(PEOPLE))
    blind_once(acme)
    mega.seal("sales")
    result = acme.upload("exposures", file)
    assert result.upload.chunks == CHUNKS
    elements = mega.blind(max_wait_s=30)
    return acme.seal("exposures").content_digest, elements


def _last(room):
    return room.describe("exposures").uploads[-1]


def _killed(site, name, deadly, *, sent, file=None):
    """Run a partner's process until it is killed at a stream it sends."""
    order = {
        "profile": str(site.sandbox.profile(name)),
        "dataset": "exposures",
        "file": str(file) if file else "",
        "deadly": deadly,
        "sent": sent,
    }
    command = [sys.executable, "-m", "support.dying_client", json.dumps(order)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()


def _sealed(rooms, file, *, expected):
    """Upload again, relay and seal; return the digest once the upload was the one that was cut."""
    acme, mega = rooms
    result = acme.upload("exposures", file, again=True)
    assert result.upload.id == expected
    assert (result.upload.chunks, result.upload.rows) == (CHUNKS, PEOPLE)
    mega.blind(max_wait_s=30)
    return acme.seal("exposures").content_digest


def _through(site, name, proxy, patience=PATIENCE):
    profile = replace(Profile.load(site.sandbox.profile(name)), server=f"127.0.0.1:{proxy.port}")
    return CleanRoom.connect(profile, patience=patience)


@pytest.mark.parametrize("sent", [False, True])
def test_an_upload_whose_client_was_killed_goes_on(site, rooms, file, undisturbed, sent):
    _killed(site, "acme-brand", 3, sent=sent, file=file)
    left = _last(rooms[0])
    assert (left.state, left.chunks) == ("open", 6 if sent else 4)
    assert _sealed(rooms, file, expected=left.id) == undisturbed[0]


def test_an_upload_whose_connection_was_dropped_goes_on_by_itself(site, rooms, file, undisturbed):
    with proxied(site.port, cut_after=20_000, cuts=2) as proxy:
        with _through(site, "acme-brand", proxy) as room:
            upload = room.upload("exposures", file, again=True).upload
        assert proxy.done == 2
    assert (upload.state, upload.chunks) == ("complete", CHUNKS)
    rooms[1].blind(max_wait_s=30)
    assert rooms[0].seal("exposures").content_digest == undisturbed[0]


def test_an_upload_that_gave_up_says_so_and_a_repeat_goes_on(site, rooms, file, undisturbed):
    with proxied(site.port, cut_after=20_000, cuts=1000) as proxy:
        impatient = Patience(timeout_s=20.0, give_up_s=0.0)
        with (
            _through(site, "acme-brand", proxy, impatient) as room,
            pytest.raises(ServiceUnreachable, match="cannot be reached"),
        ):
            room.upload("exposures", file, again=True)
    left = _last(rooms[0])
    assert left.state == "open"
    assert 0 < left.chunks < CHUNKS
    assert _sealed(rooms, file, expected=left.id) == undisturbed[0]


def test_an_upload_whose_server_was_killed_goes_on_by_itself(site, rooms, file, undisturbed):
    def restart():
        site.kill()
        site.start()

    with proxied(site.port, cut_after=20_000, at_cut=restart) as proxy:
        with _through(site, "acme-brand", proxy) as room:
            upload = room.upload("exposures", file, again=True).upload
        assert proxy.done == 1
    assert (upload.state, upload.chunks) == ("complete", CHUNKS)
    rooms[1].blind(max_wait_s=30)
    assert rooms[0].seal("exposures").content_digest == undisturbed[0]


@pytest.mark.parametrize("sent", [False, True])
def test_a_relay_pass_whose_agent_was_killed_goes_on(site, rooms, file, undisturbed, sent):
    digest, elements = undisturbed
    acme, mega = rooms
    acme.upload("exposures", file, again=True)
    _killed(site, "megamart", 6, sent=sent)
    assert _last(acme).waiting_for == ("megamart",)
    again = mega.blind(max_wait_s=30)
    done = 12 if sent else 10  # chunks of the first task
    assert again <= elements - done * 64 + 64
    assert acme.seal("exposures").content_digest == digest


@pytest.mark.parametrize("kills", [False, True])
def test_a_relay_pass_cut_from_its_server_goes_on_by_itself(site, rooms, file, undisturbed, kills):
    digest, elements = undisturbed
    acme, _ = rooms
    acme.upload("exposures", file, again=True)

    def restart():
        if kills:
            site.kill()
            site.start()

    with proxied(site.port, cut_after=30_000, cuts=1 if kills else 2, at_cut=restart) as proxy:
        with _through(site, "megamart", proxy) as room:
            assert room.blind(max_wait_s=30) == elements
        assert proxy.done == proxy.cuts
    assert acme.seal("exposures").content_digest == digest


def _before_sending(monkeypatch, disturb):
    """Call `disturb(n)` before the n-th stream that this process sends."""
    send, calls = transport.Transport.send, count(1)

    def disturbed(self, *args):
        disturb(next(calls))
        return send(self, *args)

    monkeypatch.setattr(transport.Transport, "send", disturbed)


def test_a_relay_pass_whose_server_is_killed_between_chunks_goes_on_by_itself(
    site, rooms, file, undisturbed, monkeypatch
):
    digest, elements = undisturbed
    acme, mega = rooms
    acme.upload("exposures", file, again=True)
    kills = []

    def kill_now_and_then(stream):
        if stream % 5 == 3:
            kills.append(site.kill())
            site.start()

    _before_sending(monkeypatch, kill_now_and_then)
    assert mega.blind(max_wait_s=30) == elements  # nothing is evaluated twice
    assert len(kills) >= 3
    assert acme.seal("exposures").content_digest == digest


def test_an_upload_to_which_everything_happens_in_turn_is_sealed_as_if_nothing_had(
    site, rooms, file, undisturbed
):
    acme, mega = rooms
    _killed(site, "acme-brand", 2, sent=True, file=file)
    site.kill()
    site.start()
    _killed(site, "acme-brand", 3, sent=False, file=file)
    left = _last(acme)
    site.kill()
    site.start()
    assert acme.upload("exposures", file, again=True).upload.id == left.id
    _killed(site, "megamart", 4, sent=True)
    site.kill()
    site.start()
    _killed(site, "megamart", 2, sent=False)
    mega.blind(max_wait_s=30)
    site.kill()
    site.start()
    assert acme.seal("exposures").content_digest == undisturbed[0]


def test_nothing_of_this_left_a_problem(site, undisturbed):
    assert undisturbed
    assert site.stop() == 0
    assert [str(p) for p in site.fsck() if not p.is_note] == []
