"""Reading a partner's table: what comes out, alike from every kind of source."""

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cleanroom_client.blinding import PersonKey
from cleanroom_client.identifiers import KeyColumn, KeyType
from cleanroom_client.tables import (
    PURPOSES,
    ArmSpec,
    BadInput,
    Batch,
    DatasetSpec,
    TableReader,
    Unit,
    UploadReport,
    wire_schema,
)

_SPEC = DatasetSpec(
    keys=(KeyType.EMAIL, KeyType.PHONE),
    dimensions={"city": ("ufa", "kazan", "other"), "size": ("s", "l")},
    arm=ArmSpec(column="group", test="T", control="C"),
    counts=("impressions",),
    measures={"amount": Unit.MINOR, "visits": Unit.ROWS, "units": Unit.COUNT},
    event_filters={"category": ("care", "colour")},
    timed=True,
)
_HEADER = (
    "email,phone,city,size,group,impressions,amount,units,category,"
    "occurred_at,purposes,consent_at,consent_until,person\n"
)
_ROWS = (
    "ANN@b.c,8 912 345-67-89,ufa,s,T,3,12.5,1,care,2026-03-01,measurement;storage,"
    "2025-01-01,2027-01-01,p1\n"
    ",,kazan,l,C,0,0,2,care,2026-03-01,,,,p2\n"
    "bad,+79123456789,omsk,l,,0,7,2.0,colour,1772323200,Measurement,1735689600,9999-12-31,\n"
    "bad,+79123456789,omsk,l,,0,7,2.0,colour,1772323200,Measurement,1735689600,9999-12-31,\n"
    "a@b.c,,ufa,s,C,1,0.07,1,care,2026-03-01T03:00:00+03:00,,,,p1\n"
)
_ANN = hashlib.sha256(b"ann@b.c").digest()
_A = hashlib.sha256(b"a@b.c").digest()
_PHONE = hashlib.sha256(b"+79123456789").digest()
_DAY = 1772323200  # 2026-03-01
_CONSENT = (1735689600, 1798761600)


@pytest.fixture(name="csv_path")
def _csv_path(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(_HEADER + _ROWS)
    return path


def _read(source, spec=_SPEC, **options):
    reader = TableReader(source, spec, region="RU", **options)
    return reader, list(reader)


def _column(batches, name):
    return [value for batch in batches for value in batch.table[name].to_pylist()]


def test_a_csv_file_becomes_integers_in_the_wire_schema(csv_path):
    _, batches = _read(csv_path)
    assert all(batch.table.schema.equals(wire_schema(_SPEC)) for batch in batches)
    expected = {
        "dim_city": [0, 2, 2, 0],
        "dim_size": [0, 1, 1, 0],
        "arm": [1, -1, -1, 0],
        "count_impressions": [3, 0, 0, 1],
        "measure_amount": [1250, 700, 700, 7],
        "measure_units": [1, 2, 2, 1],
        "filter_category": [0, 1, 1, 0],
        "occurred_at": [_DAY] * 4,
        "purposes": [17, 1, 1, 0],
        "consent_at": [_CONSENT[0]] * 3 + [0],
        "consent_until": [_CONSENT[1], 253402214400, 253402214400, 0],
        "ref": [None] * 4,
        "tok_email": [None] * 4,
        "tok_phone": [None] * 4,
    }
    assert {name: _column(batches, name) for name in wire_schema(_SPEC).names} == expected


def _identities(batch):
    return {key_type: column.to_pylist() for key_type, column in batch.identities.items()}


def test_identities_stand_beside_their_rows(csv_path):
    _, [batch] = _read(csv_path)
    assert _identities(batch) == {
        KeyType.EMAIL: [_ANN, None, None, _A],
        KeyType.PHONE: [_PHONE, _PHONE, _PHONE, None],
    }
    assert "identities" not in repr(batch)


def test_the_report_counts_what_was_dropped_and_kept(csv_path):
    reader, _ = _read(csv_path)
    report = reader.report
    assert (report.rows, report.sent, report.without_key) == (5, 4, 1)
    assert (report.without_consent, report.duplicates) == (1, 1)
    rejected = {column: dict(r.by_reason) for column, r in report.rejected.items()}
    assert rejected == {
        KeyColumn.EMAIL: {"empty": 1, "not_an_email": 2},
        KeyColumn.PHONE: {"empty": 2},
    }


def test_every_kind_of_source_gives_the_same_batches(csv_path, tmp_path):
    frame = pd.read_csv(csv_path)  # numbers with gaps become floats, blanks become NaN
    table = pa.Table.from_pandas(frame, preserve_index=False)
    parquet = tmp_path / "sales.parquet"
    pq.write_table(table, parquet)
    typed = table.set_column(5, "impressions", table["impressions"].cast(pa.int16()))
    typed = typed.set_column(2, "city", typed["city"].dictionary_encode())
    typed = typed.set_column(6, "amount", typed["amount"].cast(pa.decimal128(10, 2)))
    mixed = frame.astype({"amount": object})
    mixed.loc[0, "amount"] = "12.50"
    _, expected = _read(csv_path)
    for source in (frame, table, parquet, typed, mixed):
        reader, batches = _read(source)
        assert [b.table for b in batches] == [b.table for b in expected]
        assert [_identities(b) for b in batches] == [_identities(b) for b in expected]
        assert reader.report.duplicates == 1


def test_times_and_hashes_may_come_typed():
    spec = DatasetSpec(keys=(KeyType.EMAIL,))
    day = pd.Timestamp("2026-03-01")
    frame = pd.DataFrame(
        {
            "email_sha256": [_ANN],
            "purposes": ["measurement"],
            "consent_at": [day.tz_localize("Europe/Moscow")],
            "consent_until": [day.date()],
        }
    )
    _, [batch] = _read(frame, spec)
    assert _identities(batch) == {KeyType.EMAIL: [_ANN]}
    assert batch.table["consent_at"].to_pylist() == [_DAY - 3 * 3600]
    assert batch.table["consent_until"].to_pylist() == [_DAY]


def test_whole_floats_read_as_the_numbers_they_were():
    spec = DatasetSpec(keys=(KeyType.PHONE,))
    _, [batch] = _read(_consented(phone=[79123456789.0, None]), spec)  # pandas' way with gaps
    assert _identities(batch) == {KeyType.PHONE: [_PHONE]}


def test_a_hashed_column_fills_the_gaps_of_the_plain_one():
    spec = DatasetSpec(keys=(KeyType.EMAIL,))
    table = _consented(email=["a@b.c", "", "a@b.c"], email_sha256=[_ANN.hex(), _ANN.hex(), "x"])
    reader, [batch] = _read(table, spec)
    assert _identities(batch)[KeyType.EMAIL] == [_A, _ANN, _A]
    assert reader.report.rejected[KeyColumn.EMAIL_SHA256].unparseable == 1


def _consented(**columns):
    rows = len(next(iter(columns.values())))
    consent = {"purposes": ["research"], "consent_at": [_DAY], "consent_until": [_DAY]}
    return pa.table(columns | {name: value * rows for name, value in consent.items()})


def test_batches_are_bounded_and_the_reader_can_be_read_again():
    spec = DatasetSpec(keys=(KeyType.EMAIL,))
    table = _consented(email=[f"{i}@b.c" for i in range(25)])
    reader = TableReader(table, spec, batch_rows=10)
    assert [batch.table.num_rows for batch in reader] == [10, 10, 5]
    assert sum(batch.table.num_rows for batch in reader) == 25
    assert (reader.report.rows, reader.report.duplicates) == (25, 0)


def test_duplicates_are_found_across_batches():
    spec = DatasetSpec(keys=(KeyType.EMAIL,))
    reader = TableReader(_consented(email=["a@b.c"] * 25), spec, batch_rows=10)
    assert sum(batch.table.num_rows for batch in reader) == 25
    assert reader.report.duplicates == 24


def test_references_are_16_bytes_of_a_keyed_hash_where_a_person_is_named(csv_path):
    key = PersonKey(bytes(32))
    _, batches = _read(csv_path, person_key=key)
    one = key.reference("p1")
    assert _column(batches, "ref") == [one, None, None, one]
    assert len(one) == 16


def test_mapped_headers_are_used_for_their_columns():
    spec = DatasetSpec(keys=(KeyType.EMAIL,))
    table = _consented(**{"E-Mail": ["a@b.c"], "email": ["ann@b.c"]})
    _, [batch] = _read(table, spec, mapping={"email": "E-Mail"})
    assert _identities(batch)[KeyType.EMAIL] == [_A]


def test_a_byte_order_mark_another_delimiter_quotes_and_blank_lines_are_fine(tmp_path):
    path = tmp_path / "x.csv"
    text = 'note;email;purposes;consent_at;consent_until\r\n"two\r\nlines; ""q""";a@b.c;;;\r\n\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    _, [batch] = _read(path, DatasetSpec(keys=(KeyType.EMAIL,)), delimiter=";")
    assert _identities(batch)[KeyType.EMAIL] == [_A]


def test_tokens_take_the_places_of_their_identities():
    identities = {KeyType.EMAIL: pa.array([_A, None, _ANN], pa.binary(32))}
    schema = wire_schema(DatasetSpec(keys=(KeyType.EMAIL,)))
    nulls = [pa.nulls(3, f.type) if f.nullable else pa.array(np.zeros(3, "int64")) for f in schema]
    batch = Batch(table=pa.Table.from_arrays(nulls, schema=schema), identities=identities)
    table = batch.with_tokens({KeyType.EMAIL: b"1" * 32 + b"2" * 32})
    assert table["tok_email"].to_pylist() == [b"1" * 32, None, b"2" * 32]
    assert table.schema.equals(schema)
    for wrong in (b"1" * 32, b"1" * 96, b"1" * 32 + b"short"):
        with pytest.raises(ValueError, match=r"one item|32 bytes"):
            batch.with_tokens({KeyType.EMAIL: wrong})


def test_a_batch_refuses_identities_of_another_length():
    with pytest.raises(ValueError, match="per row"):
        Batch(table=pa.table({"a": [1]}), identities={KeyType.EMAIL: pa.nulls(0, pa.binary(32))})


@pytest.mark.parametrize(
    "facts",
    [
        {"keys": ()},
        {"keys": (KeyType.EMAIL, KeyType.EMAIL)},
        {"dimensions": {"city": ()}},
        {"dimensions": {"city": ("a", "a")}},
        {"dimensions": {"amount": ("a",)}, "counts": ("amount",)},
        {"dimensions": {"purposes": ("a",)}},
    ],
)
def test_a_spec_refuses_what_cannot_be_a_table(facts):
    with pytest.raises(ValueError, match=r"key type|domain|named"):
        DatasetSpec(**({"keys": (KeyType.EMAIL,)} | facts))


def test_an_arm_needs_two_values_that_differ():
    with pytest.raises(ValueError, match="two different"):
        ArmSpec(column="arm", test="a", control="a")


def test_a_report_refuses_parts_larger_than_the_whole():
    with pytest.raises(ValueError, match="more than all"):
        UploadReport(rows=1, without_key=2)


def test_the_purposes_equal_those_of_the_service():
    consent = pytest.importorskip("cleanroom.model.consent")
    assert dict(PURPOSES) == dict(consent.PURPOSES)


def test_a_large_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "big.csv"
    row = "a@b.c,,,," + "x" * 1000 + "\n"
    path.write_text("email,purposes,consent_at,consent_until,note\n" + row * 30_000)
    reader = TableReader(path, DatasetSpec(keys=(KeyType.EMAIL,)), batch_rows=1000)
    tracked = pytest.importorskip("tracemalloc")
    tracked.start()
    rows = sum(batch.table.num_rows for batch in reader)
    _, peak = tracked.get_traced_memory()
    tracked.stop()
    assert rows == 30_000
    assert peak < 8_000_000  # the file has 30 MB


def test_a_table_without_any_usable_key_says_so():
    reader = TableReader(_consented(email=["x", ""]), DatasetSpec(keys=(KeyType.EMAIL,)))
    with pytest.raises(BadInput, match="no row has a usable match key in email"):
        list(reader)
