"""From a table to a sealed version in one call, against the fake service over real TLS."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cleanroom_client import WaitedTooLong
from cleanroom_client.cli.app import run
from support.fake_partner import connect, exposures, join, write_csv
from support.fake_service import fake_service

PANDAS_FREE = """
import sys
from cleanroom_client.pandas_free import keep_pandas_out
keep_pandas_out()
import pyarrow as pa
assert pa.array(["a", None]).null_count == 1
assert not [name for name in sys.modules if name.startswith("pandas.")]
import pandas as pd
assert pd.DataFrame({"a": [1]}).shape == (1, 1)
"""


@pytest.fixture
def room(tmp_path):
    with fake_service() as running:
        join(running, tmp_path)
        yield running


def test_a_table_is_sealed_once_the_others_have_blinded_it(room, tmp_path):
    room.waiting_for = ["megamart"]
    said = []

    def progress(stage, _done, _total=None):
        if stage.startswith("waiting"):
            said.append(stage)
            assert room.count("SealDataset") == 0
            del room.uploads["u-0"].waiting_for[:]

    with connect(room, tmp_path) as partner:
        brought = partner.bring("exposures", exposures(6), progress=progress)
        again = partner.bring("exposures", exposures(6))
    assert said == ["waiting for megamart to blind"]
    assert brought.result.report.rows == 6
    assert (brought.version.id, brought.evaluated) == ("v-1", 0)
    assert again.result.was_there


def test_nothing_is_sealed_while_others_are_awaited(room, tmp_path):
    room.pending = 1
    with connect(room, tmp_path) as partner, pytest.raises(WaitedTooLong, match="1 relay passes"):
        partner.bring("exposures", exposures(6), max_wait_s=0.2)
    assert room.count("SealDataset") == 0
    room.pending = 0
    with connect(room, tmp_path) as partner:
        assert partner.bring("exposures", exposures(6)).result.was_there


def test_the_command_says_what_was_uploaded_evaluated_and_sealed(room, tmp_path, capsys):
    path = write_csv(tmp_path / "crm.csv", 6)
    profile = str(tmp_path / "acme-brand.toml")
    assert run(["--profile", profile, "-q", "bring", "exposures", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "exposures: upload u-0 is complete, 1 rows",
        "evaluated 0 elements",
        "exposures: version v-1, 3 people, 5 rows",
    ]


def test_a_process_that_reads_files_does_not_load_pandas_but_still_can():
    subprocess.run([sys.executable, "-c", PANDAS_FREE], check=True)
