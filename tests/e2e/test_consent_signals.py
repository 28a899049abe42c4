"""Consent strings from the file to the answer, by two parties on a real server.

The published strings of the vectors are among those out: two are of global scope, one of 1990.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pandas as pd
import pytest

from cleanroom_client import ConsentRules
from cleanroom_client.cli.app import run
from support.consent_strings import DAY_S, gpp, tcf
from support.processes import policy_text, sales_frame
from support.running import running_room

VENDOR = 755
AGREED = 160
VECTORS = Path(__file__).parents[2] / "../shared/data/vectors/tcf"
RULES = 'version = "cleanroom-consent/v1"\nvendor = 755\n[purposes]\nmeasurement = [7, 9]\n'
TODAY_S = int(time.time()) // DAY_S * DAY_S
WHOLE = {"vendor_consents": {VENDOR}, "disclosed": {VENDOR}, "updated_s": TODAY_S - 9 * DAY_S}
GOOD = tcf(consents={7, 9}, **WHOLE)


def published() -> list[str]:
    return [json.loads(path.read_text())["consent"] for path in sorted(VECTORS.glob("*.json"))]


def out() -> list[tuple[str, str]]:
    """Strings that permit nothing, each with its flag of Global Privacy Control."""
    texts = [
        "",
        GOOD[:30],
        GOOD[:-4] + "____",
        tcf(consents={7}, **WHOLE),
        tcf(consents={7, 9}, **(WHOLE | {"vendor_consents": {1}})),
        tcf(consents={7, 9}, **(WHOLE | {"disclosed": {1}})),
        tcf(consents={7, 9}, **WHOLE, service_specific=False),
        tcf(consents={7, 9}, **WHOLE, restrictions=[(7, 0, {VENDOR})]),
        tcf(consents={7, 9}, **(WHOLE | {"updated_s": TODAY_S - 396 * DAY_S})),
        *published(),
    ]
    return [*((text, "0") for text in texts for _ in range(8)), *[(GOOD, "1")] * 8]


def exposures() -> pd.DataFrame:
    """People who agreed, half of them by GPP, then those who did not: all of them buy."""
    signals = [(GOOD if i % 2 else gpp({2: GOOD}), "") for i in range(AGREED)] + out()
    return pd.DataFrame(
        {
            "email": [f"person{i}@example.com" for i in range(len(signals))],
            "city": "ufa",
            "arm": "test",
            "impressions": "1",
            "consent_string": [text for text, _ in signals],
            "gpc": [flag for _, flag in signals],
        }
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_room(tmp_path_factory, policy_text(epsilon="400", per_question="40")) as made:
        yield made


def test_who_gave_no_signal_is_in_no_join(running, tmp_path, capsys):
    people = exposures()
    people.to_csv(tmp_path / "crm.csv", index=False)
    (tmp_path / "consent.toml").write_text(RULES)
    for name in running.sandbox.parties:
        with running.room(name) as room:
            room.accept()
    profile = str(running.sandbox.profile("acme-brand"))
    words = ["upload", "exposures", str(tmp_path / "crm.csv")]
    options = ["--consent", str(tmp_path / "consent.toml")]
    assert run(["--profile", profile, *words, *options]) == 0
    told = capsys.readouterr().out
    for reason in ("no string", "malformed", "global privacy control", "nothing granted"):
        assert f"no consent: {reason}" in told
    # By their time alone: the service judges that on the day of the question.
    expired = 16 if published() else 8
    assert _count(told, "rows without consent, never used") == len(out()) - expired
    with running.room("megamart") as mega:
        mega.upload("sales", sales_frame(len(people)))
    running.blind_all()
    with running.room("acme-brand") as acme, running.room("megamart") as mega:
        assert acme.seal("exposures").persons == AGREED + expired
        assert mega.seal("sales").persons == len(people)
        answer = acme.match_rate(datasets=["exposures", "sales"])
    figures = answer.cells[0].statistics
    assert abs(figures["people:exposures"] - AGREED) <= 3
    assert abs(figures["matched"] - AGREED) <= 3
    assert abs(figures["people:sales"] - len(people)) <= 3


def _count(told, what):
    [line] = [line for line in told.splitlines() if what in line]
    return int(line.split()[-1].replace(",", ""))


def test_other_rules_for_the_same_file_are_another_upload(running, tmp_path):
    table = exposures().head(30)
    with running.room("acme-brand") as room:
        room.accept()
        rules = ConsentRules(vendor=VENDOR)
        first = room.upload("exposures", table, consent=rules)
        same = room.upload("exposures", table, consent=rules)
        other = room.upload("exposures", table, consent=ConsentRules(vendor=1))
    assert first.upload.id == same.upload.id != other.upload.id
    assert other.report.without_consent == 30
