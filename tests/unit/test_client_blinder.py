"""One set of workers for many lists, and the light start of each."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from cleanroom_client import blinder
from cleanroom_client.blinder import Blinder
from cleanroom_client.blinding import BlindingKey, blind, blind_identities
from cleanroom_client.blinding.points import BadPoint
from cleanroom_client.identifiers import KeyType
from cleanroom_client.tokens import PsiTokens

KEY = BlindingKey(b"\5" * 32)
POINTS = [i.to_bytes(32, "little") for i in range(2, 12)]
PACKED = b"".join(POINTS)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(blinder, "CHUNK", 4)
    monkeypatch.setattr(blinder, "_SMALL", 8)


def test_workers_give_what_one_process_gives(small_chunks):
    expected = b"".join(blind(POINTS, KEY))
    done = []
    with Blinder(KEY, workers=2) as many:
        assert many.blind(PACKED, done=done.append) == expected
        assert many.blind(memoryview(PACKED)[: 3 * 32]) == expected[: 3 * 32]
        assert many._pool is not None
    assert done == [4, 4, 2]


def test_short_lists_start_no_process(small_chunks):
    with Blinder(KEY, workers=2) as many:
        assert many.blind(PACKED[: 7 * 32]) == b"".join(blind(POINTS[:7], KEY))
        assert many._pool is None


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bad_point_is_refused_wherever_it_is_blinded(small_chunks, workers):
    with Blinder(KEY, workers=workers) as many, pytest.raises(BadPoint):
        many.blind(PACKED + bytes(32))


def test_a_part_of_an_item_is_refused():
    with Blinder(KEY, workers=1) as one, pytest.raises(ValueError, match="32 bytes each"):
        one.blind(PACKED[:-1])


def test_what_hears_of_progress_can_end_the_work(small_chunks):
    def stop(done):
        raise KeyboardInterrupt

    with Blinder(KEY, workers=2) as many, pytest.raises(KeyboardInterrupt):
        many.blind(PACKED, done=stop)


def test_an_identity_that_comes_again_is_blinded_once(small_chunks, monkeypatch):
    one, two = (hashlib.sha256(text).digest() for text in (b"one", b"two"))
    expected = blind_identities(
        [two, one, two, two, one], collaboration="c", key_type=KeyType.EMAIL, key=KEY
    )
    counts, done, blind_all = [], [], Blinder.blind

    def counting(self, items, **options):
        counts.append(len(items) // 32)
        return blind_all(self, items, **options)

    monkeypatch.setattr(Blinder, "blind", counting)
    with PsiTokens(KEY, "c", workers=1) as tokens:
        made = tokens.make(two + one + two + two + one, KeyType.EMAIL, done.append)
    assert made == b"".join(expected)
    assert counts == [2]
    assert sum(done) == 5


def test_importing_the_package_costs_a_worker_neither_grpc_nor_pandas():
    code = "import sys, cleanroom_client.blinding.points; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.split()
    assert "cleanroom_client" in loaded
    assert not {"grpc", "pandas", "typer"} & set(loaded)


def test_every_public_name_is_there():
    import cleanroom_client

    assert all(getattr(cleanroom_client, name) for name in cleanroom_client.__all__)
    assert (
        set(cleanroom_client.__all__) == set(cleanroom_client._HOME) == set(dir(cleanroom_client))
    )
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        cleanroom_client.Nothing  # noqa: B018 - the access is what is tested
