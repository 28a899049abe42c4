"""No identifier, and no plain digest of one, is anywhere on the service's side.

1,000 e-mails and 1,000 phones come in through the SDK, and some by mistake where none belongs.
"""

from __future__ import annotations

import base64
import io
import json
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

import grpc
import pyarrow as pa
import pytest

from cleanroom.storage.sealed_files import TABLES
from cleanroom.v1 import analysis_pb2, collaboration_pb2, dataset_pb2, relay_pb2
from cleanroom_client.errors import ClientError
from cleanroom_client.question import MatchRate, SalesLift, SegmentSize
from cleanroom_client.tables import BadInput
from support.needles import needles
from support.processes import accept_all, blind_once, exposures_frame, policy_text, sales_frame

PEOPLE = 1000
SLIPS = 40  # those of them that also come where none belongs
RATE = MatchRate(datasets=("exposures", "sales"))


def _emails(count):
    """Return (as typed, as normalised): gmail loses dots and tags, others do not."""
    for i in range(count):
        if i % 2:
            yield f"Can.Ary.{i}+News@Gmail.com", f"canary{i}@gmail.com"
        else:
            yield f"Canary.{i}@Shop.Example.COM", f"canary.{i}@shop.example.com"


def _phones(count):
    numbers = random.Random(7).sample(range(9_000_000_000, 9_999_999_999), count)
    for text in map(str, numbers):
        yield f"8 ({text[:3]}) {text[3:6]}-{text[6:8]}-{text[8:]}", f"+7{text}"


EMAILS, PHONES = list(_emails(PEOPLE)), list(_phones(PEOPLE))
CANARIES = needles(EMAILS + PHONES)


def _frame(frame, columns):
    """Return a partner's table with the canaries, some of them in the wrong column."""
    frame["email"] = [raw for raw, _ in EMAILS]
    frame["phone"] = [raw for raw, _ in PHONES]
    for slips, column in zip((EMAILS, PHONES), columns, strict=True):
        frame.loc[: SLIPS - 1, column] = [raw for raw, _ in slips[:SLIPS]]
    return frame


def _slip_in_tables(room):
    """Bring canaries in columns that cannot hold them; the SDK must say no, without saying what."""
    frame = sales_frame(3)
    for column, (raw, _) in zip(("amount", "occurred_at", "purposes"), EMAILS, strict=False):
        wrong = frame.copy()
        wrong.loc[1, column] = raw
        with pytest.raises(BadInput) as refused:
            room.upload("sales", wrong)
        assert raw not in str(refused.value)
    with pytest.raises(BadInput):
        room.upload("sales", frame.rename(columns={"email": EMAILS[3][0]}), mapping={"email": "e"})


def _slip_in_calls(room, raw):
    """Use an identifier as every name that a call carries; nearly all are refused."""
    calls = [
        lambda: room.upload(raw, sales_frame(3)),
        lambda: room.seal(raw),
        lambda: room.describe(raw),
        lambda: room.erase(raw),
        lambda: room.accept(raw),
        lambda: room.get(raw),
        lambda: room.ask(RATE, request_id=raw),
        lambda: room.ask(MatchRate(datasets=("exposures", raw))),
        lambda: room.ask(SegmentSize(datasets=("exposures",), by=(raw,))),
        lambda: room.ask(SalesLift(exposures="exposures", sales=raw, outcome="amount")),
        lambda: room.ask(SalesLift(exposures="exposures", sales="sales", outcome=raw)),
        lambda: room.ask(_filtered({raw: ["hair-care"]})),
        lambda: room.ask(_filtered({"category": [raw]})),
        lambda: room.plan(RATE, rho="0.1" + "0" * 30),
        *_raw_calls(room._session, raw),
    ]
    refused = 0
    for call in calls:
        try:
            call()
        except (ClientError, grpc.RpcError):
            refused += 1
    assert refused == len(calls)


def _filtered(filters):
    return SalesLift(exposures="exposures", sales="sales", outcome="amount", filters=filters)


def _raw_calls(session, raw):
    """What a client other than the SDK may send."""
    document = policy_text().replace("hair-care", raw).encode()
    analysis = analysis_pb2.Analysis(
        collaboration=raw, match_rate=analysis_pb2.MatchRate(datasets=["exposures", "sales"])
    )
    requests = [
        (
            session.collaborations.GetCollaboration,
            collaboration_pb2.GetCollaborationRequest,
            {"collaboration": raw},
        ),
        (
            session.collaborations.AcceptPolicy,
            collaboration_pb2.AcceptPolicyRequest,
            {"collaboration": "c", "digest": raw},
        ),
        (
            session.collaborations.ProposePolicy,
            collaboration_pb2.ProposePolicyRequest,
            {"document": document + b"x"},
        ),
        (
            session.datasets.CreateUpload,
            dataset_pb2.CreateUploadRequest,
            {"dataset": raw, "request_id": raw},
        ),
        (
            session.datasets.CreateUpload,
            dataset_pb2.CreateUploadRequest,
            {"dataset": "collaborations/c/datasets/sales", "request_id": raw},
        ),
        (session.datasets.GetUpload, dataset_pb2.GetUploadRequest, {"upload": raw}),
        (session.datasets.CompleteUpload, dataset_pb2.CompleteUploadRequest, {"upload": raw}),
        (
            session.analyses.RunAnalysis,
            analysis_pb2.RunAnalysisRequest,
            {"request_id": "request-1", "analysis": analysis},
        ),
        (
            session.analyses.GetAnalysis,
            analysis_pb2.GetAnalysisRequest,
            {"collaboration": "c", "request_id": raw},
        ),
        (session.relay.StreamElements, relay_pb2.StreamElementsRequest, {"task": raw}),
    ]
    return [partial(_whole, method, kind(**fields)) for method, kind, fields in requests]


def _whole(method, request):
    answer = method(request, timeout=20)
    return list(answer) if hasattr(answer, "__next__") else answer


@dataclass
class Hay:
    """Everything on the service's side, by where it lies."""

    parts: dict[str, list[bytes]] = field(default_factory=dict)

    def add(self, where, data):
        self.parts.setdefault(where, []).append(data)

    def found(self, canaries=CANARIES):
        """Return {where: names found}, without the places where nothing is."""
        # Zeros between parts: nothing is found across a border.
        joined = {where: bytes(64).join(parts) for where, parts in self.parts.items()}
        found = {where: canaries.found_in(hay) for where, hay in joined.items()}
        return {where: names for where, names in found.items() if names}


def _collect(site, hay):
    """Gather files as they are, decrypted blobs and tables, and every value of the database."""
    for path in [site.out, site.err, *sorted(site.config.data.rglob("*"))]:
        if path.is_file():
            hay.add(
                f"file {path.name if path.suffix == '.parquet' else path.suffix}", path.read_bytes()
            )
    _collect_database(site.config.database, hay)
    with site.storage() as (store, vault):
        uploads, _ = vault.inventory()
        for upload in uploads:
            for path in (site.config.vault / "uploads" / upload).iterdir():
                if path.name.startswith("rows-"):
                    for _, _, data in vault.read_run(upload, path.name):
                        hay.add("decrypted blob", data)
                elif path.name != "data.key":
                    hay.add("decrypted blob", vault.get_blob(upload, path.name))
        for version in store.read(lambda tx: tx.versions.all()):
            tables = vault.get_version(version.id, version.file_digest)
            for name in TABLES:
                hay.add(f"decrypted {name}", _plain(getattr(tables, name)))


def _plain(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _collect_database(path, hay):
    with closing(sqlite3.connect(path)) as database:
        names = [
            n for (n,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for name in names:
            for row in database.execute(f"SELECT * FROM {name}"):
                for value in row:
                    if isinstance(value, (str, bytes)):
                        data = value.encode() if isinstance(value, str) else value
                        hay.add(f"table {name}", data)


def _collect_answers(site, receipts, hay):
    for receipt in receipts:
        hay.add("receipt", receipt)
        hay.add("receipt", base64.b64decode(json.loads(receipt)["entry"]))
    with site.room("auditor") as room:
        for entry in room.entries():
            hay.add("log entry", repr(entry).encode())


@pytest.fixture(scope="module", params=["psi", "hmac", "sha256"])
def searched(request, make_site):
    """The scheme, and all hay of a whole story under it: before sealing, and at the end."""
    site, hay = make_site(policy_text(scheme=request.param)), Hay()
    site.start()
    accept_all(site)
    with site.room("acme-brand") as acme, site.room("megamart") as mega:
        blind_once(acme, mega)
        _slip_in_tables(mega)
        acme.upload("exposures", _frame(exposures_frame(PEOPLE), ("city", "city")))
        mega.upload("sales", _frame(sales_frame(PEOPLE), ("category", "category")))
        blind_once(acme, mega)
    assert site.stop() == 0
    _collect(site, hay)
    site.start()
    with site.room("acme-brand") as acme, site.room("megamart") as mega:
        acme.seal("exposures")
        mega.seal("sales")
        asked = [acme.ask(RATE, rho="0.01"), acme.ask(_filtered({}), rho="0.01")]
        for raw, _ in (EMAILS[5], PHONES[5]):
            _slip_in_calls(acme, raw)
            _slip_in_calls(mega, raw)
    _collect_answers(site, [m.receipt for m in asked], hay)
    assert site.stop() == 0
    _collect(site, hay)
    return request.param, site, hay


def test_nothing_that_names_a_person_is_on_the_services_side(searched):
    scheme, _, hay = searched
    found = hay.found()
    if scheme != "sha256":
        assert found == {}
        return
    # Where digests are allowed, the same search finds every one of them, and still nothing raw.
    names = set().union(*found.values())
    for raw, _ in EMAILS + PHONES:
        assert f"sha256 of normalised {raw}" in names
    assert {name for name in names if not name.startswith("sha256 of normalised ")} == set()


def test_the_search_looked_at_everything_there_is(searched):
    _, _, hay = searched
    assert {"receipt", "log entry", "decrypted blob", "decrypted persons"} <= set(hay.parts)
    assert {"table questions", "table log_entries", "table uploads"} <= set(hay.parts)
    assert {"file .sqlite", "file .err", "file .out", "file persons.parquet"} <= set(hay.parts)
    assert sum(map(len, hay.parts["decrypted blob"])) > 2 * PEOPLE * 64


def test_a_canary_planted_into_a_log_file_is_found(searched):
    _, site, _ = searched
    raw, normal = EMAILS[17]
    hay = Hay()
    hay.add("log", site.err.read_bytes() + json.dumps({"message": f"no such row: {raw}"}).encode())
    assert hay.found() == {"log": {f"raw {raw}"}}
    hay.add("another", f"so {normal} it is".encode())
    assert hay.found()["another"] == {f"normalised {raw}"}


@pytest.mark.parametrize("identifier", [EMAILS[0], EMAILS[1], PHONES[0]])
def test_each_writing_of_an_identifier_is_found_wherever_it_lies(identifier):
    wanted = needles([identifier])
    for needle in wanted._named:
        for offset in range(9):
            hay = b"x" * offset + needle + b"x" * (9 - offset)
            assert wanted._named[needle] in wanted.found_in(hay)
