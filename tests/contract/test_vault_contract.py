"""Every promise of the Vault port, on every vault."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from cleanroom.ports.vault import VaultDamaged
from support.storage_cases import tables

BAD_NAMES = [
    "",
    ".",
    "..",
    "a/b",
    "../a",
    "a.b",
    "data.key",
    "-a",
    "_a",
    "a\0",
    "a b",
    "ä",
    "a" * 129,
]


def test_a_blob_is_what_was_put_last_under_its_name(vault):
    vault.put_blob("u-1", "rows-000000", b"old")
    vault.put_blob("u-1", "rows-000001", b"")
    vault.put_blob("u-1", "rows-000000", b"new")
    assert vault.get_blob("u-1", "rows-000000") == b"new"
    assert vault.get_blob("u-1", "rows-000001") == b""


def test_many_blobs_are_kept_at_once_the_last_of_a_name_in_the_end(vault):
    many = [(f"rows-{n:06d}", n.to_bytes(2, "big")) for n in range(150)]
    vault.put_blobs("u-1", iter([*many, ("rows-000003", b"new"), ("large", bytes(9 << 20))]))
    vault.put_blobs("u-1", [])
    kept = dict(many) | {"rows-000003": b"new"}
    assert {name: vault.get_blob("u-1", name) for name in kept} == kept
    assert len(vault.get_blob("u-1", "large")) == 9 << 20


def test_blobs_whose_making_ends_early_leave_whole_ones_only(vault):
    def broken():
        yield "a", b"whole"
        raise RuntimeError("no more")

    vault.put_blob("u-1", "a", b"old")
    with pytest.raises(RuntimeError, match="no more"):
        vault.put_blobs("u-1", broken())
    assert vault.get_blob("u-1", "a") in {b"old", b"whole"}
    assert vault.sweep() == 0


def _keep(vault, upload, name, items):
    with closing(vault.begin_run(upload)) as run:
        for number, data in items:
            run.add(number, data, b"note %d" % number)
        run.keep(name)


def test_a_run_has_its_items_in_order_with_their_notes(vault):
    items = [(12, b"first"), (13, b""), (14, bytes(9 << 20)), (7, b"x" * 4096)]
    _keep(vault, "u-1", "rows-000012", items)
    wanted = [(number, b"note %d" % number, data) for number, data in items]
    assert list(vault.read_run("u-1", "rows-000012")) == wanted
    _keep(vault, "u-1", "empty", [])
    assert list(vault.read_run("u-1", "empty")) == []


def test_a_run_is_nowhere_before_it_is_kept_and_then_in_the_place_of_another(vault):
    _keep(vault, "u-1", "rows", [(0, b"old")])
    with closing(vault.begin_run("u-1")) as run:
        run.add(0, b"new", b"")
        assert [data for *_, data in vault.read_run("u-1", "rows")] == [b"old"]
        run.keep("rows")
        assert [data for *_, data in vault.read_run("u-1", "rows")] == [b"new"]
    assert [data for *_, data in vault.read_run("u-1", "rows")] == [b"new"]


def test_a_run_that_was_not_kept_leaves_nothing(vault):
    with closing(vault.begin_run("u-1")) as run:
        run.add(0, b"data", b"")
    assert vault.sweep() == 0
    with pytest.raises(KeyError):
        list(vault.read_run("u-1", "rows"))


def test_runs_that_are_written_at_once_do_not_meet(vault):
    with closing(vault.begin_run("u-1")) as one, closing(vault.begin_run("u-1")) as other:
        for number in range(3):
            one.add(number, b"one", b"")
            other.add(number, b"other", b"")
        one.keep("one")
        other.keep("other")
    assert [data for *_, data in vault.read_run("u-1", "one")] == [b"one"] * 3
    assert [data for *_, data in vault.read_run("u-1", "other")] == [b"other"] * 3


def test_a_run_is_of_its_upload_and_erased_with_it(vault):
    _keep(vault, "u-1", "rows", [(0, b"data")])
    for upload, name in (("u-2", "rows"), ("u-1", "other")):
        with pytest.raises(KeyError):
            list(vault.read_run(upload, name))
    vault.erase_upload("u-1")
    with pytest.raises(KeyError):
        list(vault.read_run("u-1", "rows"))
    assert vault.inventory() == ((), ())


def test_a_version_has_its_blobs_until_it_is_erased(vault):
    blobs = [("spread", b"key"), ("tokens-email-0", bytes(64))]
    digest = vault.put_version("v-1", tables(), iter(blobs))
    assert vault.version_blobs("v-1") == ("spread", "tokens-email-0")
    assert [vault.get_version_blob("v-1", name) for name, _ in blobs] == [b"key", bytes(64)]
    assert vault.get_version("v-1", digest).persons == tables().persons
    with pytest.raises(KeyError):
        vault.get_version_blob("v-1", "tokens-email-1")
    vault.erase_version("v-1")
    assert vault.version_blobs("v-1") == ()
    with pytest.raises(KeyError):
        vault.get_version_blob("v-1", "spread")


def test_a_blob_of_another_upload_or_name_is_absent(vault):
    vault.put_blob("u-1", "origin-loyalty_id", b"bytes")
    for upload, name in (("u-2", "origin-loyalty_id"), ("u-1", "origin-email")):
        assert not vault.has_blob(upload, name)
        with pytest.raises(KeyError):
            vault.get_blob(upload, name)
    assert vault.has_blob("u-1", "origin-loyalty_id")


def test_an_erased_upload_is_gone_and_may_be_erased_again(vault):
    vault.put_blob("u-1", "a", b"bytes")
    vault.put_blob("u-2", "a", b"kept")
    for _ in range(2):
        vault.erase_upload("u-1")
    assert not vault.has_blob("u-1", "a")
    with pytest.raises(KeyError):
        vault.get_blob("u-1", "a")
    assert vault.get_blob("u-2", "a") == b"kept"
    assert vault.inventory() == (("u-2",), ())


def test_a_version_comes_back_as_it_was_put(vault):
    digest = vault.put_version("v-1", tables())
    assert len(bytes.fromhex(digest)) == 32
    found = vault.get_version("v-1", digest)
    assert (found.persons, found.events, found.references) == (
        tables().persons,
        tables().events,
        tables().references,
    )


def test_a_version_is_refused_under_another_digest(vault):
    digest = vault.put_version("v-1", tables())
    other = vault.put_version("v-2", tables())
    assert digest != other
    for wrong in (other, digest.upper() + "0", ""):
        with pytest.raises(VaultDamaged, match="v-1"):
            vault.get_version("v-1", wrong)


def test_a_version_is_never_replaced(vault):
    digest = vault.put_version("v-1", tables())
    with pytest.raises(FileExistsError):
        vault.put_version("v-1", tables(b"another canary.."))
    assert vault.get_version("v-1", digest).persons == tables().persons


def test_an_erased_version_is_gone_and_may_be_erased_again(vault):
    digest = vault.put_version("v-1", tables())
    for _ in range(2):
        vault.erase_version("v-1")
    with pytest.raises(KeyError):
        vault.get_version("v-1", digest)
    assert vault.inventory() == ((), ())


def test_an_absent_version_is_a_key_error(vault):
    with pytest.raises(KeyError):
        vault.get_version("v-1", "00")


def test_the_inventory_names_uploads_and_versions_in_order(vault):
    for upload in ("u-2", "u-1"):
        vault.put_blob(upload, "a", b"")
    vault.put_version("v-1", tables())
    assert vault.inventory() == (("u-1", "u-2"), ("v-1",))


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_a_name_that_could_leave_its_folder_is_refused(vault, bad):
    for call in (
        lambda: vault.put_blob(bad, "a", b""),
        lambda: vault.put_blob("u-1", bad, b""),
        lambda: vault.get_blob("u-1", bad),
        lambda: vault.has_blob(bad, "a"),
        lambda: vault.erase_upload(bad),
        lambda: vault.put_blobs("u-1", [(bad, b"")]),
        lambda: vault.begin_run(bad),
        lambda: list(vault.read_run("u-1", bad)),
        lambda: vault.put_version(bad, tables()),
        lambda: vault.put_version("v-1", tables(), [(bad, b"")]),
        lambda: vault.get_version_blob("v-1", bad),
        lambda: vault.version_blobs(bad),
        lambda: vault.get_version(bad, "00"),
        lambda: vault.erase_version(bad),
    ):
        with pytest.raises(ValueError, match="name"):
            call()
    assert vault.inventory() == ((), ())
    with closing(vault.begin_run("u-1")) as run, pytest.raises(ValueError, match="name"):
        run.keep(bad)


def test_threads_that_begin_one_upload_together_share_its_key(vault):
    def put(number):
        vault.put_blob("u-1", f"rows-{number:06d}", bytes([number]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(24)))
    assert [vault.get_blob("u-1", f"rows-{n:06d}") for n in range(24)] == [
        bytes([n]) for n in range(24)
    ]
