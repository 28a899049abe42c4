"""`cleanroom policy diff`: words, positions, who accepts, JSON and exit codes."""

import json

import pytest

from support.operator_cli import run
from support.policies import edited, policy

LIFT = ("megamart:     {role: retailer,      may_ask: [match_rate, segment_size]}", "megamart:     {role: retailer, may_ask: [match_rate, segment_size, sales_lift]}")  # fmt: skip
MORE_PEOPLE = ("people: 50", "people: 100")


@pytest.fixture
def diff(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(edited(name="demo"))

    def run_diff(*edits, options=()):
        (tmp_path / "new.yaml").write_text(edited(*edits, name="demo"))
        return run(capsys, "policy", "diff", "old.yaml", "new.yaml", *options)

    return run_diff


def test_a_loosened_policy_names_who_has_to_accept_it_and_both_lines(diff):
    code, out, _ = diff(LIFT, MORE_PEOPLE)
    assert code == 1
    lines = out.splitlines()
    assert lines[:3] == [
        "loosened: megamart may ask sales_lift — needs acceptance by acme-brand,",
        "    fiscal-data, megamart",
        "    old.yaml:8 -> new.yaml:8",
    ]
    assert "tightened: a figure of sales needs 100 people instead of 50" in lines
    assert "tightened: a figure of panel needs 100 people instead of 50 (inherited)" in lines
    assert lines[-2:] == [
        "Something is loosened. It is in force as soon as acme-brand, megamart,",
        "    fiscal-data accepted it.",
    ]
    assert max(map(len, lines)) <= 80


def test_a_tightened_policy_is_fine(diff):
    code, out, _ = diff(MORE_PEOPLE)
    assert code == 0
    assert "needs acceptance" not in out
    # Its own block was changed, so megamart must have signed; nobody need accept.
    assert " ".join(out.split()).endswith(
        "protects at least as much as the old one. It is in force as soon as megamart signed it."
    )


def test_a_comment_changes_the_digest_and_no_rule(diff):
    code, out, _ = diff(("parties:\n", "parties:  # who take part\n"))
    assert code == 0
    assert out.startswith("as before: only comments, layout or the order of entries changed\n")
    assert " ".join(out.split()).endswith(
        "It is in force as soon as one of acme-brand, megamart, fiscal-data signed it."
    )


def test_equal_files_say_so(diff):
    code, out, _ = diff()
    assert (code, out.split(":")[0]) == (0, "Nothing changed")
    assert policy(name="demo").digest in out


def test_json_has_each_change_with_its_lines_and_whom_it_concerns(diff):
    code, out, _ = diff(LIFT, options=["--json"])
    told = json.loads(out)
    assert code == 1
    assert told["needs_acceptance_by"] == ["acme-brand", "megamart", "fiscal-data"]
    assert told["changes"] == [
        {
            "path": "parties.megamart.may_ask",
            "direction": "looser",
            "words": "megamart may ask sales_lift",
            "before": None,
            "after": "sales_lift",
            "concerned": ["acme-brand", "fiscal-data", "megamart"],
            "old_line": 8,
            "new_line": 8,
        }
    ]
    assert told["new"]["digest"] == policy(LIFT, name="demo").digest


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_policy_with_errors_exits_with_two_and_their_positions(diff, options):
    code, out, err = diff(("role: retailer", "role: shop"), options=options)
    assert (code, out) == (2, "")
    assert err.startswith("cleanroom: new.yaml:8:24: parties.megamart.role: found the text 'shop'")


def test_a_file_that_is_not_there_exits_with_two(diff, tmp_path, capsys):
    diff()
    code, _, err = run(capsys, "policy", "diff", "old.yaml", "gone.yaml")
    assert code == 2
    assert err == "cleanroom: gone.yaml: the policy cannot be read: No such file or directory\n"


def test_a_files_own_words_cannot_steer_the_terminal(diff):
    code, out, _ = diff(("samara, other", 'samara, "\\x1b[31mred", other'))
    assert (code, "\x1b" in out) == (2, False)
