"""`cleanroom retention run`: what an operator is shown, and what then is gone."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from cleanroom.model.names import DatasetName
from cleanroom.ports.records import Upload, UploadState
from cleanroom.wiring.lock import held
from cleanroom.wiring.opening import open_store
from support.operator_room import Room

OLD_S = 1_600_000_000


@pytest.fixture
def room(tmp_path, capsys):
    made = Room(tmp_path, capsys)
    made.agree()
    return made


@pytest.fixture
def upload(room):
    """An upload that was begun long ago."""
    with closing(open_store(room.config)) as store:
        proposal = store.read(lambda tx: tx.collaborations.in_force("spring-campaign"))
        one = Upload(
            id="u-old",
            dataset=DatasetName(collaboration="spring-campaign", dataset="exposures"),
            owner="acme-brand",
            policy_digest=proposal.digest,
            request_id="begun-0001",
            state=UploadState.OPEN,
            chunks=0,
            rows=0,
            created_at_s=OLD_S,
        )
        store.transact(lambda tx: tx.uploads.add(one))
    return one


def state_of(room):
    with closing(open_store(room.config)) as store:
        return store.read(lambda tx: tx.uploads.get("u-old")).state


def test_nothing_is_due_in_a_new_room(room):
    assert room.run("retention", "run", "--dry-run") == (0, "nothing is due\n", "")
    assert room.run("retention", "run") == (0, "nothing is due\n", "")


def test_a_dry_run_tells_what_is_due_and_changes_nothing(room, upload):
    code, out, err = room.run("retention", "run", "--dry-run")
    assert (code, err) == (0, "")
    for text in (
        upload.id,
        "drop upload",
        "spring-campaign",
        "exposures",
        "2020-09-27 12:26",
        "due",
    ):
        assert text in out
    assert "it was not sealed within 14 days" in " ".join(out.split())
    assert state_of(room) is UploadState.OPEN


def test_a_run_does_it_once_and_logs_it(room, upload):
    code, out, _ = room.run("retention", "run", "--json")
    (told,) = json.loads(out)
    assert code == 0
    assert (told["act"], told["what"], told["state"]) == ("drop upload", upload.id, "done")
    assert told["since_s"] == OLD_S + 14 * 86_400
    assert state_of(room) is UploadState.ABANDONED
    assert room.run("retention", "run", "--json")[1].strip() == "[]"
    _, listed, _ = room.run("audit", "list", "--json")
    assert listed.count("service/retention") == 1


def test_it_runs_beside_a_server(room, upload):
    with held(room.config.data):
        assert room.run("retention", "run")[0] == 0
    assert state_of(room) is UploadState.ABANDONED


def test_a_room_that_never_ran_is_told_so(tmp_path, capsys):
    code, _, err = Room(tmp_path, capsys).run("retention", "run")
    assert code == 1
    assert "start the service first" in err
