"""Our side of the matching benchmark runs to its end, so that the benchmark is never stale."""

import pytest

from benchmarks.psi.files import make_files
from benchmarks.psi.ours import run_ours, run_staged

STAGES = {run_ours: [], run_staged: ["upload", "relay", "seal", "match"]}


@pytest.mark.parametrize("run", STAGES)
def test_two_files_are_matched_and_every_stage_has_its_cost(tmp_path, run):
    result = run(tmp_path, make_files(tmp_path, 1000))
    assert list(result.stages) == STAGES[run]
    costs = (result.cost, *result.stages.values())
    assert all(cost.cpu_s > 0 and cost.peak_bytes > 0 for cost in costs)
    assert result.found
