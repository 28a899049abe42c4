"""What an engine refuses, what it may touch, and what makes no difference to it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pytest

from cleanroom.analysis.request import ExactRequest
from cleanroom.engine.cells import StatisticTooLarge, per_cell
from cleanroom.engine.exact import DuckDbEngine
from cleanroom.engine.session import Session
from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import SalesLift, SegmentSize
from support.panels import (
    EPOCH_S,
    exposures_schema,
    grouping,
    sales_schema,
    sealed,
    versions,
)

EXPOSURES, SALES = exposures_schema(), sales_schema()
PEOPLE = [{"email": f"p{i}", "city": i % 3, "arm": i % 2} for i in range(12)]
EVENTS = [{"email": f"p{i}", "amount": 10 * i, "category": i % 3} for i in range(6)]


def _tables():
    return {"exposures": sealed(EXPOSURES, PEOPLE), "sales": sealed(SALES, EVENTS)}


def _lift(outcome="amount", filters=()):
    return ExactRequest(
        question=SalesLift(
            exposures="exposures",
            sales="sales",
            outcome=outcome,
            by=("exposures.city",),
            filters=filters,
        ),
        versions=versions(EXPOSURES, SALES),
        groupings=(grouping(EXPOSURES, "city"),),
        stages=(KeyType.EMAIL,),
        purposes=1,
        epoch_s=EPOCH_S,
        bound=1000,
    )


def _values(tables, engine=None):
    engine = engine or DuckDbEngine()
    return engine.exact(_lift(), lambda version: tables[version.version]).values


@pytest.fixture
def session():
    with Session(memory_limit="100MB", threads=1, spill_dir=None) as opened:
        yield opened


@pytest.mark.parametrize(
    "statement",
    [
        "from read_text('{path}')",
        "copy (select 1) to '{path}'",
        "attach '{path}'",
        "install httpfs",
        "set enable_external_access = true",
        "set memory_limit = '1TB'",
    ],
)
def test_a_session_reaches_no_file_and_cannot_be_reconfigured(session, tmp_path, statement):
    path = tmp_path / "secret.txt"
    path.write_text("canary")
    with pytest.raises(duckdb.Error):
        session._database.execute(statement.format(path=path))
    assert path.read_text() == "canary"


def test_a_session_sees_no_variable_of_the_program(session):
    elsewhere = pa.table({"canary": [1]})
    with pytest.raises(duckdb.CatalogException):
        session._database.execute("from elsewhere")
    assert elsewhere.num_rows == 1


def test_nothing_spills_without_a_folder_for_it(session):
    settings = session._database.execute("select current_setting('temp_directory')")
    assert settings.fetchone() == ("",)


def test_memory_is_limited_and_a_folder_for_spilling_relieves_it(tmp_path):
    numbers = pa.table({"n": pa.array(range(1_500_000), pa.int64())})

    def distinct(spill_dir):
        with Session(memory_limit="16MB", threads=1, spill_dir=spill_dir) as session:
            return session.fetch(session.table(numbers).order_by("n")).num_rows

    with pytest.raises(duckdb.OutOfMemoryException):
        distinct(None)
    assert distinct(str(tmp_path)) == 1_500_000


def test_a_statistic_beyond_64_bits_is_refused_and_not_rounded(session):
    table = session.table(pa.table({"y": pa.array([2**62] * 3, pa.int64())}))
    assert per_cell(session, table.limit(1), (), {"s": table.y.max()}) == {"s": (2**62,)}
    with pytest.raises(StatisticTooLarge, match=r"^s$"):
        per_cell(session, table, (), {"s": table.y.sum()})


def test_a_code_outside_the_domain_is_refused_by_the_name_of_its_dimension():
    tables = _tables()
    persons = tables["exposures"].persons
    index = persons.column_names.index("dim_city")
    strange = persons.set_column(index, persons.schema.field(index), pa.array([7] * 12, pa.int16()))
    tables["exposures"] = dataclasses.replace(tables["exposures"], persons=strange)
    with pytest.raises(ValueError, match=r"^city: "):
        _values(tables)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (_lift(outcome="profit"), "outcome"),
        (_lift(filters=(("brand", ("other",)),)), "filters.brand"),
        (_lift(filters=(("category", ("shoes",)),)), "filters.category"),
    ],
    ids=["outcome", "filter", "value"],
)
def test_a_name_that_the_schema_lacks_is_refused(request_, field):
    tables = _tables()
    with pytest.raises(FieldInvalid) as refused:
        DuckDbEngine().exact(request_, lambda version: tables[version.version])
    assert refused.value.field == field


def test_buyers_need_a_measure_to_buy_by():
    bare = dataclasses.replace(SALES, measures=())
    request = dataclasses.replace(_lift("buyers"), versions=versions(EXPOSURES, bare))
    tables = {"exposures": sealed(EXPOSURES, PEOPLE), "sales": sealed(bare, [])}
    with pytest.raises(FieldInvalid, match=r"^outcome: "):
        DuckDbEngine().exact(request, lambda version: tables[version.version])


def test_chunks_and_offsets_of_the_tables_make_no_difference():
    whole = _tables()
    pieces = {
        name: dataclasses.replace(
            tables,
            persons=pa.concat_tables([tables.persons.slice(0, 5), tables.persons.slice(5)]),
            events=pa.concat_tables([tables.events.slice(0, 1), tables.events.slice(1)]),
        )
        for name, tables in whole.items()
    }
    assert _values(pieces) == _values(whole)
    assert sum(_values(whole)["s:test"]) == 10 + 30 + 50


def test_threads_that_ask_at_once_get_the_same_answer():
    tables, engine = _tables(), DuckDbEngine(threads=1)
    alone = _values(tables, engine)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: _values(tables, engine), range(8)))
    assert answers == [alone] * 8


def test_the_order_of_the_pinned_versions_does_not_matter_to_a_segment():
    tables = _tables()
    request = ExactRequest(
        question=SegmentSize(datasets=("exposures", "sales"), by=("exposures.city",)),
        versions=versions(EXPOSURES, SALES),
        groupings=(grouping(EXPOSURES, "city"),),
        stages=(KeyType.EMAIL,),
        purposes=1,
        epoch_s=EPOCH_S,
    )
    turned = dataclasses.replace(request, versions=request.versions[::-1])
    answers = [
        DuckDbEngine().exact(r, lambda version: tables[version.version]).values
        for r in (request, turned)
    ]
    assert answers == [{"matched": (2, 2, 2)}] * 2


def test_the_engine_tells_its_version():
    assert DuckDbEngine().name == f"duckdb {duckdb.__version__}"


def test_a_warmed_engine_has_loaded_what_the_first_question_needs():
    program = (
        "import sys; from cleanroom.engine.exact import DuckDbEngine; engine = DuckDbEngine();"
        "wanted = 'ibis.backends.sql.compilers';"
        "before = wanted in sys.modules; engine.warm(); print(before, wanted in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")
