"""Published inclusion and consistency cases: 518, of which 482 must fail.

Source: transparency-dev/merkle, testdata, Apache-2.0.
The cases over subtrees [start, end) speak of Merkle Tree Certificates
(draft-ietf-plants-merkle-tree-certs, section 4), which this log does not use. They are put to the
same two functions through the draft's own reduction, written out here: a subtree is a tree of its
own when `start` is a multiple of the power of two that holds it, and an empty one is only itself.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from cleanroom.audit.errors import ProofInvalid
from cleanroom.audit.tree import EMPTY_ROOT, verify_consistency, verify_inclusion

FILE = Path(__file__).parents[3] / "shared/data/vectors/merkle_rfc6962/all.json"


def cases():
    if not FILE.exists():
        return {}
    return json.loads(FILE.read_text())


CASES = cases()
pytestmark = pytest.mark.skipif(not CASES, reason="the published vectors are not at ../shared/data")


def check_inclusion(case, start=0, end=None):
    verify_inclusion(
        leaf_hash=base64.b64decode(case["leafHash"]),
        index=case["leafIdx"] - start,
        size=case["treeSize"] if end is None else end - start,
        proof=hashes(case),
        root=base64.b64decode(case["root"]),
    )


def check_consistency(case, old="size1", new="size2"):
    verify_consistency(
        old_size=case[old],
        old_root=base64.b64decode(case["root1"]),
        new_size=case[new],
        new_root=base64.b64decode(case["root2"]),
        proof=hashes(case),
    )


def check_subtree_inclusion(case):
    check_subtree(case)
    check_inclusion(case, case["start"], case["end"])


def check_subtree_consistency(case):
    check_subtree(case)
    if case["start"] != case["end"]:
        assert case["start"] == 0, "a valid subtree elsewhere than at the start needs the draft"
        check_consistency(case, "end", "size")
    elif base64.b64decode(case["root1"]) != EMPTY_ROOT or case["proof"]:
        raise ProofInvalid(proof="consistency", why="an empty subtree has the empty root")


def check_subtree(case):
    start, width = case["start"], case["end"] - case["start"]
    if not 0 <= start <= case["end"] or (width and start % (1 << (width - 1).bit_length())):
        raise ProofInvalid(proof="subtree", why="no such subtree")


def hashes(case):
    return [base64.b64decode(item) for item in case["proof"] or []]


CHECKS = {
    "inclusion": check_inclusion,
    "consistency": check_consistency,
    "subtreeinclusion": check_subtree_inclusion,
    "subtreeconsistency": check_subtree_consistency,
}


def test_all_published_cases_are_here():
    assert len(CASES) == 518
    assert sum(case["wantErr"] for case in CASES.values()) == 482


@pytest.mark.parametrize("name", CASES)
def test_a_published_case_ends_as_published(name):
    case = CASES[name]
    check = CHECKS[name.split("/")[0]]
    if case["wantErr"]:
        with pytest.raises(ProofInvalid):
            check(case)
    else:
        assert check(case) is None
