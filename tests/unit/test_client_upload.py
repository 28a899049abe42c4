"""Uploads over real TLS: what is sent, how a cut one goes on, what is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cleanroom_client import BadInput, PolicyUnknown, RoomError, UploadStuck, chunks, sender
from cleanroom_client import upload as upload_module
from cleanroom_client.blinding import PersonKey, blind_identities
from cleanroom_client.identifiers import KeyType, identity
from cleanroom_client.keystore import Keystore, SecretsMissing
from cleanroom_client.tokens import PsiTokens
from support.fake_answers import terms_of
from support.fake_partner import connect, exposures, join, write_csv
from support.fake_service import fake_service, unavailable


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(upload_module, "rows_per_chunk", lambda schema: 3)
    monkeypatch.setattr(sender, "SEGMENT_CHUNKS", 2)
    monkeypatch.setattr(sender, "STREAM_SEGMENTS", 1)
    with fake_service() as running:
        join(running, tmp_path)
        yield running


def rows_of(room, upload="u-0"):
    tables = [
        pa.ipc.open_stream(room.chunks[upload][i]).read_all()
        for i in range(len(room.chunks[upload]))
    ]
    return pa.concat_tables(tables)


@pytest.fixture
def blinded(monkeypatch):
    """Count identities that were blinded."""
    counts = []
    make = PsiTokens.make

    def counting(self, identities, key_type, done):
        counts.append(len(identities) // 32)
        return make(self, identities, key_type, done)

    monkeypatch.setattr(PsiTokens, "make", counting)
    return counts


def test_upload_sends_blinded_tokens_and_codes(room, tmp_path):
    with connect(room, tmp_path) as partner:
        result = partner.upload("exposures", exposures(7))
    assert result.report.rows == result.report.sent == 7
    assert result.upload.state == "complete"
    table = rows_of(room)
    assert table["dim_city"].to_pylist()[:3] == [0, 1, 2]
    secrets = Keystore.open(tmp_path / "acme-brand.keystore.json", passphrase=None)
    expected = blind_identities(
        [identity(KeyType.EMAIL, "person4@example.com", None)],
        collaboration="spring",
        key_type=KeyType.EMAIL,
        key=secrets.secrets("spring").blinding,
    )
    assert table["tok_email"].to_pylist()[4] == expected[0]
    assert table["tok_phone"].null_count == 7


def test_no_identifier_leaves_the_machine(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(7))
    sent = b"".join(room.chunks["u-0"].values())
    for i in range(7):
        email = f"person{i}@example.com"
        assert email.encode() not in sent
        assert identity(KeyType.EMAIL, email, None) not in sent


def test_a_cut_stream_is_resumed_with_the_missing_chunks_only(room, tmp_path):
    room.cut_after_chunks = 1
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(12))
    assert room.received == [0, 1, 2, 3]
    assert room.count("UploadChunks") == 3  # the first was cut
    assert rows_of(room).num_rows == 12


def test_a_repeated_command_goes_on_without_blinding_again(room, tmp_path, blinded):
    path = write_csv(tmp_path / "crm.csv", 12)
    room.faults["UploadChunks"] = [lambda context: None] + [unavailable] * 100
    with connect(room, tmp_path) as partner, pytest.raises(Exception, match="cannot be reached"):
        partner.upload("exposures", path)
    assert room.received == [0, 1]
    room.faults.clear()
    blinded.clear()
    with connect(room, tmp_path) as partner:
        result = partner.upload("exposures", path)
    assert room.received == [0, 1, 2, 3]
    assert sum(blinded) == 6  # of 12 rows, half were there
    assert result.report.rows == 12
    assert not list((tmp_path / "uploads").iterdir())


def test_an_upload_divided_otherwise_is_not_gone_on_with(room, tmp_path, monkeypatch):
    """As by another version of the SDK: rows would be missing, or there twice."""
    path = write_csv(tmp_path / "crm.csv", 12)
    room.faults["UploadChunks"] = [lambda context: None] + [unavailable] * 100
    with connect(room, tmp_path) as partner, pytest.raises(Exception, match="cannot be reached"):
        partner.upload("exposures", path)
    room.faults.clear()
    monkeypatch.setattr(upload_module, "rows_per_chunk", lambda schema: 4)
    with connect(room, tmp_path) as partner:
        assert partner.upload("exposures", path).upload.id == "u-1"
    assert rows_of(room, "u-1").num_rows == 12


def test_a_file_that_changes_while_it_is_read_is_not_sent_under_its_old_content(
    room, tmp_path, monkeypatch
):
    file = write_csv(tmp_path / "people.csv", 9)
    old, digest = file.read_bytes(), upload_module.content_digest

    def overtaken(table, delimiter):
        found = digest(table, delimiter)
        write_csv(file, 30)
        return found

    with connect(room, tmp_path) as partner:
        with monkeypatch.context() as patch:
            patch.setattr(upload_module, "content_digest", overtaken)
            with pytest.raises(UploadStuck, match="changed while it was read"):
                partner.upload("exposures", file)
        assert room.chunks.get("u-0", {}) == {}
        assert partner.upload("exposures", file).report.rows == 30
        file.write_bytes(old)
        assert partner.upload("exposures", file).report.rows == 9


def test_a_lost_journal_costs_blinding_but_no_second_sending(room, tmp_path, blinded):
    path = write_csv(tmp_path / "crm.csv", 12)
    room.faults["UploadChunks"] = [lambda context: None] + [unavailable] * 100
    with connect(room, tmp_path) as partner, pytest.raises(Exception, match="cannot be reached"):
        partner.upload("exposures", path)
    room.faults.clear()
    blinded.clear()
    for journal in (tmp_path / "uploads").iterdir():
        journal.unlink()
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", path)
    assert room.received == [0, 1, 2, 3]
    assert sum(blinded) == 12


def test_a_finished_upload_is_not_repeated(room, tmp_path, blinded):
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(7))
        blinded.clear()
        again = partner.upload("exposures", exposures(7))
        assert again.was_there
        assert again.upload.state == "complete"
        assert not blinded
        partner.upload("exposures", exposures(6))
    assert len(room.uploads) == 2


def test_an_upload_can_be_started_over(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(7))
        partner.upload("exposures", exposures(7), again=True)
    assert len(room.uploads) == 2


def test_content_that_another_upload_replaced_gets_a_new_one(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(7))
        room.uploads["u-0"].state = "abandoned"
        result = partner.upload("exposures", exposures(7))
    assert result.upload.id == "u-1"
    assert result.upload.state == "complete"


def test_the_request_id_depends_on_the_secret(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", exposures(7))
    (tmp_path / "acme-brand.keystore.json").unlink()
    with connect(room, tmp_path) as partner:
        partner.accept()
        partner.upload("exposures", exposures(7))
    assert len(room.by_request) == 2


def test_upload_needs_the_secrets_that_accept_made(room, tmp_path):
    path = tmp_path / "acme-brand.keystore.json"
    path.unlink()
    Keystore.create(path, passphrase=None, entropy=lambda n: b"\1" * n)
    with connect(room, tmp_path) as partner, pytest.raises(SecretsMissing):
        partner.upload("exposures", exposures(7))


def test_another_partys_dataset_is_refused(room, tmp_path):
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="megamart's"):
        partner.upload("sales", exposures(7))
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="has no dataset"):
        partner.upload("purchases", exposures(7))


def test_a_service_that_asks_for_weaker_tokens_than_the_policy_gets_nothing(room, tmp_path):
    room.terms = terms_of("sha256")
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="nothing was sent"):
        partner.upload("exposures", exposures(7))
    room.document = b"matching: {scheme: psi, allow_unsalted: true}\n"
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="nothing was sent"):
        partner.upload("exposures", exposures(7))
    room.document = b"matching: {scheme: sha256, keys: [email]} # allow_unsalted: true\n"
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="nothing was sent"):
        partner.upload("exposures", exposures(7))
    assert not room.chunks
    room.document = b"matching: {scheme: sha256, allow_unsalted: true}\n"
    with connect(room, tmp_path) as partner, pytest.raises(PolicyUnknown, match="was not accepted"):
        partner.upload("exposures", exposures(7))
    assert not room.chunks
    with connect(room, tmp_path) as partner:
        partner.accept()
        partner.upload("exposures", exposures(7))
    token = rows_of(room)["tok_email"].to_pylist()[0]
    assert token == identity(KeyType.EMAIL, "person0@example.com", None)


def test_bad_rows_send_no_further_chunk_and_a_corrected_file_is_another_upload(room, tmp_path):
    table = exposures(12)
    table.loc[10, "arm"] = "treatment"
    with connect(room, tmp_path) as partner:
        with pytest.raises(BadInput, match="row 11"):
            partner.upload("exposures", table)
        table.loc[10, "arm"] = "test"
        assert partner.upload("exposures", table).upload.state == "complete"


def test_a_service_that_loses_chunks_is_noticed(room, tmp_path):
    with connect(room, tmp_path) as partner:
        room.faults["UploadChunks"] = [lambda context: room.uploads["u-0"].CopyFrom(_lost(room))]
        with pytest.raises((RoomError, UploadStuck)):
            partner.upload("exposures", exposures(12))


def _lost(room):
    lost = type(room.uploads["u-0"])()
    lost.CopyFrom(room.uploads["u-0"])
    lost.next_chunk = 9
    return lost


def test_a_chunk_always_fits(tmp_path):
    spec_terms = terms_of("psi")
    names = [pa.field(f"column_{i}", pa.int64(), nullable=False) for i in range(60)]
    tokens = [pa.field(f"tok_{i}", pa.binary(32)) for i in range(len(spec_terms.keys))]
    for schema in (pa.schema(names + tokens), pa.schema(tokens), pa.schema(names[:1])):
        rows = chunks.rows_per_chunk(schema)
        arrays = [
            pa.array(
                [b"\1" * 32] * rows if pa.types.is_fixed_size_binary(f.type) else range(rows),
                f.type,
            )
            for f in schema
        ]
        size = len(chunks.Chunk.of(0, pa.Table.from_arrays(arrays, schema=schema)).data)
        assert 0.5 * chunks.MAX_CHUNK_BYTES * (rows < 50_000) < size <= chunks.MAX_CHUNK_BYTES


def test_journal_ignores_half_an_entry(tmp_path):
    path = tmp_path / "x.chunks"
    path.write_bytes(b"\1" * 40)
    journal = chunks.Journal(path)
    assert journal.known == 1


def test_person_references_are_keyed(room, tmp_path):
    table = exposures(7).assign(person=[f"p{i}" for i in range(7)])
    with connect(room, tmp_path) as partner:
        partner.upload("exposures", table)
    keystore = Keystore.open(tmp_path / "acme-brand.keystore.json", passphrase=None)
    key = keystore.secrets("spring").person
    assert isinstance(key, PersonKey)
    assert rows_of(room)["ref"].to_pylist()[2] == key.reference("p2")
