"""What the file vault promises beyond the port: damage is seen, nothing is readable, keys erase."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import closing

import duckdb
import pyarrow as pa
import pytest

from cleanroom.ports.tables import SealedTables
from cleanroom.ports.vault import VaultDamaged
from cleanroom.storage.buffers import PAGE_BYTES
from cleanroom.storage.files import UNFINISHED
from cleanroom.storage.keys import MasterKeyRefused, create_master_key, load_master_key
from cleanroom.storage.sealed_files import TABLES, read_tables, write_tables
from cleanroom.storage.vault import FileVault
from support.storage_cases import MASTER_KEY, FixedEntropy, tables

TOKEN = b"canary-token-16b"
BLOB = b"canary@example.org" * 4


@pytest.fixture
def root(tmp_path):
    return tmp_path / "vault"


@pytest.fixture
def vault(root):
    return FileVault(root, MASTER_KEY, FixedEntropy())


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


def positions(path):
    """First, last and some bytes between."""
    size = path.stat().st_size
    return sorted({0, size // 4, size // 2, 3 * size // 4, size - 1})


@pytest.mark.parametrize("name", ["persons.parquet", "events.parquet", "references.parquet"])
def test_a_flipped_byte_of_a_version_is_seen(vault, root, name):
    digest = vault.put_version("v-1", tables())
    path = root / "versions" / "v-1" / name
    for position in positions(path):
        flip(path, position)
        with pytest.raises(VaultDamaged, match="v-1"):
            vault.get_version("v-1", digest)
        flip(path, position)
    assert vault.get_version("v-1", digest).persons == tables().persons


def test_columns_are_written_as_their_values_ask_for(tmp_path):
    """What is random as it is, numbers in order in almost nothing, few values as a dictionary."""
    count, entropy = 300_000, FixedEntropy()
    random = pa.Array.from_buffers(
        pa.binary(16), count, [None, pa.py_buffer(entropy.token_bytes(16 * count))]
    )
    numbers = pa.array(range(count))
    people = pa.table({"person": numbers, "tok_email": random, "arm": pa.repeat(1, count)})
    events = pa.table(
        {"person": numbers, "measure_amount": pa.array([-(2**63), 2**63 - 1] * 150_000)}
    )
    references = pa.table({"ref": random, "person": numbers.take(pa.array(range(count))[::-1])})
    tables = SealedTables(persons=people, events=events, references=references)
    digest = write_tables(tmp_path, "v-1", tables, MASTER_KEY)
    assert read_tables(tmp_path, "v-1", digest, MASTER_KEY) == tables
    sizes = {name: (tmp_path / f"{name}.parquet").stat().st_size for name in TABLES}
    assert 16 * count < sizes["persons"] < 16.2 * count
    assert 16 * count < sizes["references"] < 16.2 * count
    assert sizes["events"] < 0.5 * count


def test_a_flipped_byte_of_a_key_or_blob_is_seen(vault, root):
    digest = vault.put_version("v-1", tables())
    vault.put_blob("u-1", "rows-000000", BLOB)
    reads = {
        root / "versions" / "v-1" / "data.key": lambda: vault.get_version("v-1", digest),
        root / "uploads" / "u-1" / "data.key": lambda: vault.get_blob("u-1", "rows-000000"),
        root / "uploads" / "u-1" / "rows-000000": lambda: vault.get_blob("u-1", "rows-000000"),
    }
    for path, read in reads.items():
        for position in range(path.stat().st_size):
            flip(path, position)
            with pytest.raises(VaultDamaged):
                read()
            flip(path, position)
        read()


def test_a_shortened_or_emptied_file_is_seen(vault, root):
    vault.put_blob("u-1", "a", BLOB)
    path = root / "uploads" / "u-1" / "a"
    whole = path.read_bytes()
    for length in (0, 5, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(VaultDamaged, match="blob a of upload u-1"):
            vault.get_blob("u-1", "a")


def test_files_put_in_each_others_place_are_seen(vault, root):
    first, second = (vault.put_version(v, tables()) for v in ("v-1", "v-2"))
    for name, upload in (("a", "u-1"), ("b", "u-1"), ("a", "u-2")):
        vault.put_blob(upload, name, f"{upload}{name}".encode())
    uploads, versions = root / "uploads", root / "versions"
    (uploads / "u-1" / "a").rename(uploads / "u-1" / "b")
    (uploads / "u-2" / "data.key").write_bytes((uploads / "u-1" / "data.key").read_bytes())
    (versions / "v-1" / "data.key").rename(versions / "v-2" / "data.key")
    for read in (
        lambda: vault.get_blob("u-1", "b"),
        lambda: vault.get_blob("u-2", "a"),
        lambda: vault.get_version("v-2", second),
    ):
        with pytest.raises(VaultDamaged):
            read()
    with pytest.raises(KeyError):
        vault.get_version("v-1", first)


def test_tables_put_in_each_others_place_are_not_decrypted_even_with_a_fitting_digest(vault, root):
    from cleanroom.storage.sealed_files import digest_of

    vault.put_version("v-1", tables())
    folder = root / "versions" / "v-1"
    (folder / "events.parquet").write_bytes((folder / "references.parquet").read_bytes())
    with pytest.raises(VaultDamaged, match="cannot be decrypted"):
        vault.get_version("v-1", digest_of(folder, "v-1"))


def test_a_missing_file_of_a_version_is_named(vault, root):
    digest = vault.put_version("v-1", tables())
    (root / "versions" / "v-1" / "events.parquet").unlink()
    with pytest.raises(VaultDamaged, match=re.escape("events.parquet")):
        vault.get_version("v-1", digest)


def test_another_master_key_opens_nothing(vault, root):
    digest = vault.put_version("v-1", tables())
    vault.put_blob("u-1", "a", BLOB)
    other = FileVault(root, bytes(32), FixedEntropy("other"))
    with pytest.raises(VaultDamaged, match="data key of upload u-1"):
        other.get_blob("u-1", "a")
    with pytest.raises(VaultDamaged, match="data key of version v-1"):
        other.get_version("v-1", digest)


def test_no_canary_is_readable_in_any_file(vault, root):
    vault.put_version("v-1", tables(TOKEN))
    vault.put_blob("u-1", "rows-000000", BLOB)
    files = [path for path in root.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert len(files) == 6
    canaries = (TOKEN, TOKEN[::-1], b"canary", b"tok_email", b"measure_amount", b"dim_city")
    assert [c for c in (*canaries, MASTER_KEY) if c in content] == []


def test_equal_content_never_looks_equal(vault, root):
    vault.put_blob("u-1", "a", BLOB)
    first = (root / "uploads" / "u-1" / "a").read_bytes()
    vault.put_blob("u-1", "a", BLOB)
    assert (root / "uploads" / "u-1" / "a").read_bytes() != first
    assert vault.put_version("v-1", tables()) != vault.put_version("v-2", tables())


def test_a_version_cannot_be_read_without_its_key(vault, root):
    vault.put_version("v-1", tables())
    path = root / "versions" / "v-1" / "persons.parquet"
    with duckdb.connect() as connection, pytest.raises(duckdb.Error):
        connection.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()


@pytest.mark.parametrize("kind", ["uploads", "versions"])
def test_erasing_deletes_the_key_first_and_an_interrupted_erasure_can_be_finished(
    vault, root, monkeypatch, kind
):
    digest = vault.put_version("x-1", tables())
    vault.put_blob("x-1", "a", BLOB)
    erase = vault.erase_upload if kind == "uploads" else vault.erase_version

    def stop(_path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("cleanroom.storage.files.shutil.rmtree", stop)
        with pytest.raises(KeyboardInterrupt):
            erase("x-1")
    folder = root / kind / "x-1"
    assert not (folder / "data.key").exists()
    assert len(list(folder.iterdir())) > 0
    with pytest.raises(KeyError):
        vault.get_blob("x-1", "a") if kind == "uploads" else vault.get_version("x-1", digest)
    erase("x-1")
    assert not folder.exists()


def test_files_and_folders_are_for_their_owner_alone(vault, root):
    vault.put_version("v-1", tables())
    vault.put_blob("u-1", "a", BLOB)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [root, *root.rglob("*")]}
    assert modes == {0}


def test_sweep_removes_what_crashes_left_and_nothing_else(vault, root):
    digest = vault.put_version("v-1", tables())
    vault.put_blob("u-1", "a", BLOB)
    (root / "versions" / f"{UNFINISHED}1").mkdir()
    (root / "versions" / f"{UNFINISHED}1" / "data.key").write_bytes(b"torn")
    (root / "uploads" / "u-1" / f"{UNFINISHED}2").write_bytes(b"torn")
    assert vault.inventory() == (("u-1",), ("v-1",))
    assert vault.sweep() == 2
    assert vault.sweep() == 0
    assert vault.get_blob("u-1", "a") == BLOB
    assert vault.get_version("v-1", digest).events == tables().events


def _kept_run(vault, upload, name, items):
    with closing(vault.begin_run(upload)) as run:
        for number, data in items:
            run.add(number, data, b"note")
        run.keep(name)


def test_a_flipped_byte_of_a_run_is_seen_or_is_padding(vault, root):
    _kept_run(vault, "u-1", "rows", [(0, BLOB), (1, BLOB)])
    path = root / "uploads" / "u-1" / "rows"
    assert b"canary" not in path.read_bytes()
    assert path.stat().st_size == 2 * PAGE_BYTES
    sealed = 12 + 2 * 51 + len(BLOB) + len(b"note")  # frame, header and nonce and tag of both
    for position in range(2 * PAGE_BYTES):
        if position % PAGE_BYTES >= sealed:
            continue
        flip(path, position)
        with pytest.raises(VaultDamaged, match="run rows of upload u-1"):
            list(vault.read_run("u-1", "rows"))
        flip(path, position)
    assert [data for *_, data in vault.read_run("u-1", "rows")] == [BLOB, BLOB]


def test_a_run_cut_within_an_item_is_seen(vault, root):
    _kept_run(vault, "u-1", "rows", [(0, BLOB)])
    path = root / "uploads" / "u-1" / "rows"
    whole = path.read_bytes()
    for length in (1, 11, 12, 40, 100):
        path.write_bytes(whole[:length])
        with pytest.raises(VaultDamaged, match="run rows of upload u-1"):
            list(vault.read_run("u-1", "rows"))


def test_items_with_another_number_upload_or_note_are_seen(vault, root):
    _kept_run(vault, "u-1", "rows", [(0, BLOB)])
    _kept_run(vault, "u-2", "rows", [(0, BLOB)])
    folder = root / "uploads"
    whole = (folder / "u-1" / "rows").read_bytes()
    numbered = (1).to_bytes(4, "little") + whole[4:]
    with closing(vault.begin_run("u-1")) as run:
        run.add(0, BLOB, b"else")
        run.keep("other")
    noted = (folder / "u-1" / "other").read_bytes()[:67] + whole[67:]
    for wrong in (numbered, noted, (folder / "u-2" / "rows").read_bytes()):
        (folder / "u-1" / "rows").write_bytes(wrong)
        with pytest.raises(VaultDamaged, match="item"):
            list(vault.read_run("u-1", "rows"))


def test_a_run_that_the_disk_does_not_hold_is_not_kept(vault, root, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    _kept_run(vault, "u-1", "rows", [(0, b"old")])
    for call in ("fdatasync", "pwrite"):
        with monkeypatch.context() as patched:
            patched.setattr(f"cleanroom.storage.files.os.{call}", full)
            with pytest.raises(OSError, match="No space"):
                _kept_run(vault, "u-1", "rows", [(0, b"new")])
    assert [data for *_, data in vault.read_run("u-1", "rows")] == [b"old"]
    assert sorted(p.name for p in (root / "uploads" / "u-1").iterdir()) == ["data.key", "rows"]


def test_a_disk_that_takes_less_than_it_is_given_is_asked_again(vault, monkeypatch):
    write = os.pwrite
    monkeypatch.setattr(
        "cleanroom.storage.files.os.pwrite", lambda d, data, at: write(d, data[:PAGE_BYTES], at)
    )
    _kept_run(vault, "u-1", "rows", [(0, BLOB * 1000)])
    assert [data for *_, data in vault.read_run("u-1", "rows")] == [BLOB * 1000]


def test_runs_are_kept_where_the_page_cache_cannot_be_passed(vault, monkeypatch):
    opened = os.open

    def plain(path, flags, mode=0o777):
        if flags & os.O_DIRECT:
            opened(path, flags & ~os.O_DIRECT, mode)  # made, then refused
            raise OSError(errno.EINVAL, "Invalid argument")
        return opened(path, flags, mode)

    monkeypatch.setattr("cleanroom.storage.files.os.open", plain)
    _kept_run(vault, "u-1", "rows", [(0, BLOB), (1, b"")])
    assert [data for *_, data in vault.read_run("u-1", "rows")] == [BLOB, b""]


def test_a_failed_write_leaves_nothing_behind(vault, root, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    vault.put_blob("u-1", "a", b"old")
    with monkeypatch.context() as patched:
        patched.setattr("cleanroom.storage.files.os.fsync", full)
        for call in (
            lambda: vault.put_blob("u-1", "a", b"new"),
            lambda: vault.put_version("v-1", tables()),
        ):
            with pytest.raises(OSError, match="No space"):
                call()
    assert vault.get_blob("u-1", "a") == b"old"
    assert [path.name for path in root.rglob("*") if UNFINISHED in path.name] == []


def test_a_created_master_key_is_loaded_and_never_replaced(tmp_path):
    path = tmp_path / "keys" / "master.key"
    create_master_key(path, FixedEntropy())
    key = load_master_key(path)
    assert (len(key), stat.S_IMODE(path.stat().st_mode)) == (32, 0o600)
    with pytest.raises(FileExistsError):
        create_master_key(path, FixedEntropy("other"))
    assert load_master_key(path) == key
    assert [p.name for p in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700])
def test_a_master_key_open_to_others_is_refused(tmp_path, mode):
    path = tmp_path / "master.key"
    create_master_key(path, FixedEntropy())
    path.chmod(mode)
    with pytest.raises(MasterKeyRefused, match="chmod 600"):
        load_master_key(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(32),
        b"cleanroom-master-key/v1\n",
        b"cleanroom-master-key/v2\n" + b"00" * 32 + b"\n",
        b"cleanroom-master-key/v1\n" + b"00" * 31 + b"\n",
        b"cleanroom-master-key/v1\n" + b"AA" * 32 + b"\n",
        b"cleanroom-master-key/v1\n" + b"00" * 32,
        b"cleanroom-master-key/v1\n" + b"00" * 32 + b"\n\n",
        b"cleanroom-master-key/v1\n" + b"\xff" * 64 + b"\n",
    ],
)
def test_a_file_that_is_no_master_key_is_refused(tmp_path, content):
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(MasterKeyRefused, match="not a master key"):
        load_master_key(path)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_key_of_another_length_is_refused(root, length):
    with pytest.raises(ValueError, match="32 bytes"):
        FileVault(root, bytes(length), FixedEntropy())


def test_a_versions_blob_is_bound_to_its_version_and_name(vault, root):
    vault.put_version("v-1", tables(), [("spread", b"first"), ("tokens", b"canary-in-a-blob")])
    vault.put_version("v-2", tables(), [("spread", b"other")])
    folder = root / "versions" / "v-1"
    assert all(b"canary-in-a-blob" not in file.read_bytes() for file in folder.iterdir())
    moved = (folder / "tokens").read_bytes()
    for source in (moved, (root / "versions" / "v-2" / "spread").read_bytes()):
        (folder / "spread").write_bytes(source)
        with pytest.raises(VaultDamaged, match="blob spread of version v-1"):
            vault.get_version_blob("v-1", "spread")
