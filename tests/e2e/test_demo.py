"""`python -m cleanroom.demo`, small: real server, real processes, every step to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
DEMO = (sys.executable, "-m", "cleanroom.demo")
PEOPLE = "4000"


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, *arguments], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[str, Path]:
    """What a demo printed, and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "here"
    done = demo("--people", PEOPLE, "--seed", "3", "--dir", str(folder))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout, folder


def test_every_step_is_told_with_its_time(played):
    text, _ = played
    numbers = re.findall(r"^\[ *\d+\.\d s\] +(\d+)\. ", text, re.MULTILINE)
    assert numbers == [str(n) for n in range(1, 11)]
    assert re.search(r"^Done in \d+ s\.$", text, re.MULTILINE)


def test_planted_truths_stand_beside_released_values(played):
    text, _ = played
    found = re.search(r"^(\d+) of (\d+) intervals contain", text, re.MULTILINE)
    inside, judged = int(found[1]), int(found[2])
    # 5 match figures, 4 cities, 1 lift and 5 match figures are never withheld at this size.
    assert judged >= 15
    assert inside >= judged - 8
    assert "+6.00 points" in text


def test_a_lift_is_told_in_plain_words(played):
    text, _ = played
    told = text.split("In plain words")[1]
    assert "Sales lift on buyers, by exposures.city: people came to" in told
    cities = re.findall(r"^(ufa|kazan|samara|other): (.*)$", told, re.MULTILINE)
    assert [city for city, _ in cities] == ["ufa", "kazan", "samara", "other"]
    # Noise decides which cities are below the line; at this size the largest is far above it.
    assert all(
        re.match(r"-?[\d.]+% of the test arm bought|withheld, for too", t) for _, t in cities
    )
    assert "% of the test arm bought" in cities[0][1]
    assert "What it cost in privacy budget: rho " in told
    assert "What it does not say: " in told


def test_a_refusal_names_its_reason(played):
    text, _ = played
    told = " ".join(text.split())  # however its lines are broken
    assert re.search("policy refuses the question: (- )?parties.megamart.may_ask does not", told)
    assert "same measurement, no debit on any ledger" in text


def test_its_log_tells_what_a_higher_minimum_would_have_meant(played):
    _, folder = played
    policy = (folder / "policy.yaml").read_text(encoding="utf-8")
    assert "people: 50" in policy
    found = {people: simulated(folder, policy, people) for people in (50, 100, 2_000)}
    assert set(found[50]["outcomes"]) == {"as it was", "still refused"}
    answered = [q for q in found[100]["questions"] if q["outcome"] != "still refused"]
    assert len(answered) == 7
    for question in answered:
        assert "as its minimum is 100 instead of 50" in question["changes"][0]
    # Of 4,000 people there are not 2,000 in any city: every lift by city is lost whole.
    flips = [q for q in found[2_000]["questions"] if q["outcome"] == "would tell less"]
    lost = {q["question"].split(",")[0]: q["withheld"] for q in flips if "by city" in q["question"]}
    assert lost["sales lift of exposures on buyers of sales"] == ["the whole answer"]


def simulated(folder, policy, people):
    """What the demo's questions would have been under another minimum."""
    new = folder / "next.yaml"
    new.write_text(policy.replace("people: 50", f"people: {people}"), encoding="utf-8")
    config = folder / "room" / "server.toml"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "cleanroom",
            "policy",
            "simulate",
            new,
            "--config",
            config,
            "--json",
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


def test_log_receipt_and_store_were_verified(played):
    text, _ = played
    assert "cleanroom audit: the log is consistent" in text
    assert "cleanroom-client receipt: 0.receipt: the receipt is valid" in text
    assert "cleanroom fsck: clean" in text


def test_budgets_went_down_and_none_was_spent_before(played):
    text, _ = played
    rows = re.findall(r"^ +(ledgers/\S+) +(\S+) +(\S+) +(\S+) +(\S+) ", text, re.MULTILINE)
    assert len(rows) == 3
    for _ledger, budget, before, after, left in rows:
        assert float(before) == 0 < float(after) < float(budget)
        assert float(after) + float(left) == pytest.approx(float(budget))


def test_no_identifier_is_in_what_the_server_keeps_or_logs(played):
    _, folder = played
    rows = (folder / "files" / "exposures.csv").read_text(encoding="utf-8").splitlines()
    emails = [row.split(",")[0].strip().lower() for row in rows[1:300]]
    emails = [email.encode() for email in emails if "@" in email]
    kept = [p for p in (folder / "room" / "data").rglob("*") if p.is_file()]
    kept += [folder / "server.log", folder / "server.out"]
    assert len(emails) > 100
    assert len(kept) > 5
    for path in kept:
        content = path.read_bytes().lower()
        assert not [email for email in emails if email in content], path.name


def test_nothing_is_left_running(played):
    _, folder = played
    log = (folder / "server.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(log[-1])["message"] == "stopped"


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = demo("--people", PEOPLE, "--dir", str(tmp_path))
    assert done.returncode == 1
    assert "is not an empty folder" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_too_few_people_are_refused_before_anything_is_made():
    done = demo("--people", "10")
    assert done.returncode == 2
    assert "expected a number from 1,000" in done.stderr


def test_ended_by_a_signal_it_ends_its_server_and_removes_its_folder(tmp_path):
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*DEMO, "--people", "1000"], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        for line in process.stdout:
            if "cleanroom serve:" in line:
                break
        address = line.split()[-1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert list(tmp_path.glob("cleanroom-demo-*")) == []
    assert not is_served(address)


def is_served(address: str) -> bool:
    """Whether anybody has this port open for listening."""
    port = f":{int(address.rpartition(':')[2]):04X} "
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return any(port in line.split("00000000:0000")[0] and " 0A " in line for line in lines)
