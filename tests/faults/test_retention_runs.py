"""Retention beside a running service, beside another run, and by a thread of the server."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from cleanroom.ports.vault import VaultDamaged
from cleanroom.usecases.recover import recover
from cleanroom.usecases.retention import Act, due
from cleanroom.wiring.keeper import Keeper, run_once
from cleanroom.wiring.lock import retention_turn
from support.leavers import DAY, POLICY, Leavers, Recorder, tables
from support.rooms import NOON, make_service

MIDNIGHT = NOON + DAY // 2
PATIENCE_S = 60


@pytest.fixture
def leavers(tmp_path):
    found = Leavers.open(tmp_path, POLICY)
    records = tables(list(range(12)))
    found.room.fill(exposures=records["exposures"], sales=records["sales"])
    for i in (1, 2):
        found.withdraw("sales", found.key("sales", "phone", f"t{i}"))
    found.withdraw("exposures", found.key("exposures", "email", "p1"))
    found.clock.now = MIDNIGHT
    return found


def versions(leavers, dataset):
    name = leavers.room.name(dataset)
    return leavers.room.service.store.read(lambda tx: tx.versions.of_dataset(name))


def waited_for(holds):
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        if holds():
            return True
        pause.wait(0.05)
    return False


def test_two_runs_at_once_do_everything_once(leavers, tmp_path):
    """The second has its own store and vault, as another process has."""
    other = replace(make_service(tmp_path, leavers.clock), engine=Recorder())
    done, failed = [], []

    def run(service):
        try:
            done.extend(run_once(service, tmp_path, 14, early=True))
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(s,)) for s in (leavers.room.service, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    other.store.close()
    assert failed == []
    assert sorted(one.dataset for one, is_done in done if is_done) == ["exposures", "sales"]
    assert [v.persons for v in versions(leavers, "sales")] == [12, 10]
    assert [v.persons for v in versions(leavers, "exposures")] == [12, 11]


def test_a_start_waits_for_a_run_that_is_about_to_give_a_version_its_row(leavers, tmp_path):
    service, started = leavers.room.service, []
    other = make_service(tmp_path, leavers.clock)

    class Vault:
        """Lets a server start while the successor has files and no row."""

        def put_version(self, *arguments):
            digest = service.vault.put_version(*arguments)
            thread = threading.Thread(target=start)
            thread.start()
            started.append(thread)
            thread.join(1)
            assert thread.is_alive()
            return digest

        def __getattr__(self, name):
            return getattr(service.vault, name)

    def start():
        with retention_turn(tmp_path):
            recover(other)

    acts = list(run_once(replace(service, vault=Vault()), tmp_path, 14, early=True))
    for thread in started:
        thread.join(PATIENCE_S)
    other.store.close()
    assert [done for _, done in acts] == [True, True]
    present = service.vault.inventory()[1]
    assert {versions(leavers, d)[-1].id for d in ("sales", "exposures")} == set(present)


def test_a_server_does_it_by_itself_and_goes_on_after_a_failure(leavers, tmp_path, caplog):
    service = leavers.room.service
    broken = threading.Event()

    class Vault:
        def get_version(self, *arguments):
            if not broken.is_set():
                broken.set()
                raise OSError("the disk is away")
            return service.vault.get_version(*arguments)

        def __getattr__(self, name):
            return getattr(service.vault, name)

    leavers.clock.now = NOON + 30 * DAY
    keeper = Keeper(replace(service, vault=Vault()), tmp_path, every_s=0.05, unfinished_days=14)
    keeper.start()
    try:
        assert waited_for(lambda: not due(service, unfinished_days=14))
        assert [v.persons for v in versions(leavers, "sales")] == [12, 10]
        leavers.clock.now = NOON + 90 * DAY  # the same thread, later
        assert waited_for(lambda: not service.vault.inventory()[1])
    finally:
        keeper.stop(PATIENCE_S)
    assert "was not carried out" in caplog.text
    assert all(v.erased_at_s for d in ("sales", "exposures") for v in versions(leavers, d))


def test_a_failure_keeps_nothing_else_from_being_done(leavers, tmp_path):
    service = leavers.room.service
    damaged = versions(leavers, "exposures")[0]
    (tmp_path / "vault" / "versions" / damaged.id / "events.parquet").write_bytes(b"damaged")
    with pytest.raises(VaultDamaged, match="not those that were sealed"):
        list(run_once(service, tmp_path, 14, early=True))
    assert [one.act for one in due(service, unfinished_days=14, early=True)] == [
        Act.COMPACT_VERSION
    ]
    assert [v.persons for v in versions(leavers, "sales")] == [12, 10]
