"""Questions and answers: nothing is read from a receipt that does not prove itself."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cleanroom.audit.note import Ed25519Signer, NoteVerifier
from cleanroom.v1 import analysis_pb2
from cleanroom_client import (
    Buckets,
    ContributionBound,
    MatchRate,
    Measurement,
    QuestionInvalid,
    ReceiptRefused,
    SalesLift,
    SegmentSize,
)
from cleanroom_client.question import Loss, unix_seconds
from support.fake_answers import FakeLog, measurement_json
from support.fake_partner import connect
from support.fake_service import fake_service

PAIR = ("exposures", "sales")


@pytest.fixture
def room():
    with fake_service() as running:
        yield running


def new_log():
    return FakeLog(Ed25519Signer(name="log.example", key=Ed25519PrivateKey.generate()))


def swapped(receipt):
    """Put another figure into a receipt's measurement."""
    value = json.loads(receipt)
    value["measurement"] = value["measurement"].replace("123456", "654321")
    assert json.dumps(value) != json.dumps(json.loads(receipt))
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def flipped(receipt):
    """Change a bit of the logged entry."""
    value = json.loads(receipt)
    entry = bytearray(base64.b64decode(value["entry"]))
    entry[-2] ^= 1
    value["entry"] = base64.b64encode(entry).decode()
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def cut(receipt):
    return receipt[:-1]


def emptied(_receipt):
    return b""


@pytest.mark.parametrize("tamper", [swapped, flipped, cut, emptied])
def test_a_receipt_that_was_tampered_with_is_refused(room, tmp_path, tamper):
    room.tamper = tamper
    with connect(room, tmp_path) as partner, pytest.raises(ReceiptRefused, match="step"):
        partner.match_rate(PAIR)


def test_a_receipt_of_another_log_is_refused(room, tmp_path):
    room.profile(tmp_path)  # trusts the log as it is now
    room.log = new_log()
    with connect(room, tmp_path) as partner, pytest.raises(ReceiptRefused, match="signature"):
        partner.match_rate(PAIR)


def test_a_genuine_receipt_of_another_question_is_refused(room, tmp_path):
    with connect(room, tmp_path) as partner:
        partner.match_rate(PAIR, request_id="first-one")
        room.answers["second-one"] = room.answers["first-one"]
        with pytest.raises(ReceiptRefused, match="another question"):
            partner.segment_size(("exposures",), by=("city",), request_id="second-one")


def test_an_unknown_form_is_refused(tmp_path):
    log = new_log()
    key = NoteVerifier.parse(log.key_text)
    analysis = analysis_pb2.Analysis(collaboration="spring")
    analysis.match_rate.datasets.extend(PAIR)
    text = measurement_json(analysis)
    for bad in (
        text.replace(b"measurement/v1", b"measurement/v2"),
        text.replace(b'"engine"', b'"motor"'),
        text.replace(b'"cell":[]', b'"cell":["ufa"]'),
        b"[]",
    ):
        with pytest.raises(ReceiptRefused, match="newer version"):
            Measurement.from_receipt(log.release(bad), key)
    assert Measurement.from_receipt(log.release(text), key).datasets == PAIR


def test_a_measurement_reads_as_values_as_pandas_and_as_released(room, tmp_path):
    with connect(room, tmp_path) as partner:
        found = partner.sales_lift(
            exposures="exposures", sales="sales", outcome="amount", by=["city"]
        )
    first, second = found.cells
    assert first.figure("total_test").value == 123_456.0
    assert first.figure("relative_lift").undefined
    assert second.suppressed
    frame = found.to_pandas()
    assert list(frame["city"].unique()) == ["ufa", "kazan"]
    assert len(frame) == 6
    assert frame.loc[frame["city"] == "kazan", "value"].isna().all()
    assert found.to_dict()["cells"][0]["figures"][0]["value"] == 123_456
    assert found.debits == (("ledgers/megamart/loyalty", 4_000_000),)


def test_a_figure_that_is_not_there_is_a_key_error(room, tmp_path):
    with connect(room, tmp_path) as partner:
        found = partner.match_rate(PAIR)
    assert found.only("match_rate_sales").value == 0.4213
    with pytest.raises(KeyError):
        found.only("match_rate_other")


def test_the_same_request_id_gets_the_same_answer(room, tmp_path):
    with connect(room, tmp_path) as partner:
        first = partner.match_rate(PAIR, request_id="same-one-1")
        assert partner.match_rate(PAIR, request_id="same-one-1").receipt == first.receipt
        assert partner.get("same-one-1").receipt == first.receipt
        assert [r.request_id for r in partner.list()] == ["same-one-1"]


def test_a_plan_says_costs_and_precision(room, tmp_path):
    with connect(room, tmp_path) as partner:
        plan = partner.plan(MatchRate(datasets=PAIR), epsilon="0.5")
        (balance,) = partner.budget()
    assert plan.debits[0].nano_rho == 4_000_000
    assert plan.to_dict()["statistics"][0]["noise_sd"] == 15.8
    assert balance.remaining_nano_rho == 196_000_000
    assert room.count("RunAnalysis") == 0


def test_the_log_is_verified_before_it_is_shown(room, tmp_path):
    with connect(room, tmp_path) as partner:
        for _ in range(5):
            partner.match_rate(PAIR)
        entries, summary = partner.verified_log()
        assert len(entries) == summary.checkpoint.size == 5
        assert len(list(partner.entries(start=1, count=3))) == 3
        room.log.entries[2] = room.log.entries[3]
        with pytest.raises(ReceiptRefused, match="root"):
            partner.verified_log()


def test_a_lift_is_written_into_the_request_in_full():
    lift = SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="buyers",
        by=("city",),
        window=("2026-03-01", date(2026, 4, 1)),
        filters={"category": ["hair-care"]},
        population="matched",
    )
    analysis = lift.to_proto("spring", Loss(rho="0.004"))
    assert analysis.rho == "0.004"
    assert analysis.sales_lift.population == analysis_pb2.POPULATION_MATCHED
    assert analysis.sales_lift.design == analysis_pb2.DESIGN_RANDOMIZED
    window = analysis.sales_lift.window
    assert (window.until_s - window.from_s) == 31 * 86_400
    assert window.from_s == datetime(2026, 3, 1, tzinfo=UTC).timestamp()
    assert analysis.sales_lift.filters[0].values == ["hair-care"]


def test_a_question_without_a_window_has_none():
    lift = SalesLift(exposures="exposures", sales="sales", outcome="buyers")
    analysis = lift.to_proto("spring", Loss())
    assert not analysis.sales_lift.HasField("window")
    assert analysis.WhichOneof("loss") is None


@pytest.mark.parametrize(
    ("given", "sent"), [(0.5, "0.5"), ("0.50", "0.50"), (1, "1"), (Decimal("1e-3"), "0.001")]
)
def test_a_loss_travels_as_decimal_text(given, sent):
    size = SegmentSize(datasets=("exposures",), by=("city",))
    assert size.to_proto("spring", Loss(epsilon=given)).epsilon == sent


@pytest.mark.parametrize("loss", ["0", "-1", "nan", "inf", "much", ""])
def test_a_loss_that_is_none_is_refused(loss):
    with pytest.raises(QuestionInvalid, match="epsilon: expected"):
        Loss(epsilon=loss)


def test_two_losses_are_refused():
    with pytest.raises(QuestionInvalid, match="not both"):
        Loss(epsilon=1, rho=1)


def test_times_are_utc_unless_they_say_otherwise():
    assert unix_seconds("2026-03-01") == unix_seconds("2026-03-01T03:00:00+03:00")
    assert unix_seconds("2026-03-01T00:00:01") == unix_seconds("2026-03-01") + 1
    with pytest.raises(QuestionInvalid, match="expected a date"):
        unix_seconds("1 March")


def test_a_window_that_ends_before_it_begins_is_refused():
    window = ("2026-03-02", "2026-03-02")
    lift = SalesLift(exposures="exposures", sales="sales", outcome="buyers", window=window)
    with pytest.raises(QuestionInvalid, match="window"):
        lift.to_proto("spring", Loss())


def test_an_unknown_population_is_refused():
    with pytest.raises(QuestionInvalid, match="all, matched"):
        SalesLift(exposures="exposures", sales="sales", outcome="buyers", population="some")


def test_buckets_travel_with_their_window_and_filters():
    sizes = SegmentSize(
        datasets=("sales",),
        by=("amount",),
        buckets={
            "amount": Buckets(
                edges=(0, 1_500_000),
                window=("2026-03-01", "2026-04-01"),
                filters={"category": ["hair-care"]},
            )
        },
    )
    (cut,) = sizes.to_proto("spring", Loss()).segment_size.buckets
    assert (cut.dimension, list(cut.edges)) == ("amount", [0, 1_500_000])
    assert cut.window.until_s - cut.window.from_s == 31 * 86_400
    assert cut.filters[0].values == ["hair-care"]


@pytest.mark.parametrize("edges", [(), (2, 1), (1, 1), (1.0, 2.0), ("1", "2")])
def test_edges_that_do_not_ascend_or_are_no_whole_numbers_are_refused(edges):
    with pytest.raises(QuestionInvalid, match="edges"):
        Buckets(edges=edges)


def test_buckets_of_what_is_not_in_by_are_refused():
    lift = SalesLift(
        exposures="exposures",
        sales="sales",
        outcome="buyers",
        buckets={"impressions": Buckets(edges=(1,))},
    )
    with pytest.raises(QuestionInvalid, match="not in by"):
        lift.to_proto("spring", Loss())


def test_a_bound_below_one_is_refused():
    with pytest.raises(QuestionInvalid, match="bound"):
        SalesLift(exposures="exposures", sales="sales", outcome="amount", bound=0)


def test_a_contribution_bound_is_written_into_the_request_in_full():
    question = ContributionBound(
        dataset="sales",
        measure="amount",
        quantile=0.95,
        grid=(100, 500),
        window=("2026-03-01", "2026-03-02"),
    )
    asked = question.to_proto("spring", Loss(epsilon="0.5")).contribution_bound
    assert (asked.quantile, list(asked.grid)) == ("0.95", [100, 500])
    assert asked.window.until_s - asked.window.from_s == 86_400
    with pytest.raises(QuestionInvalid, match="quantile"):
        ContributionBound(dataset="sales", measure="amount", quantile="-1", grid=(1,))
    with pytest.raises(QuestionInvalid, match="grid"):
        ContributionBound(dataset="sales", measure="amount", quantile="0.5", grid=())
