"""Subject access by the SDK and its command, over real TLS."""

from __future__ import annotations

import json

import pytest

from cleanroom_client import BadInput
from cleanroom_client.cli.app import run
from cleanroom_client.keystore import Keystore
from support.fake_partner import connect, join
from support.fake_service import fake_service


@pytest.fixture
def room(tmp_path):
    with fake_service() as running:
        join(running, tmp_path)
        keystore = Keystore.open(tmp_path / "acme-brand.keystore.json", passphrase=None)
        person = keystore.secrets("spring").person
        running.known_references = {person.reference("crm-1")}
        yield running


def command(room, folder, capsys, *words):
    connect(room, folder).close()
    capsys.readouterr()
    code = run(["--profile", str(folder / "acme-brand.toml"), "subject", "exposures", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_what_is_held_comes_back_by_version(room, tmp_path):
    with connect(room, tmp_path) as partner:
        found = partner.subject("exposures", person="crm-1", email="a@example.com")
        nobody = partner.subject("exposures", person="crm-2")
    (held,) = found.held
    assert (held.version, held.rows, held.in_use) == ("v-1", 2, True)
    assert held.values == {"arm": "test", "city": "ufa"}
    assert held.filters == {"shop": ("big", "small")}
    assert found.to_dict()["held"][0]["sums"] == {"impressions": 7}
    assert nobody.held == ()


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({}, "expected a value that names the person"),
        ({"person": " "}, "expected a value that names the person"),
        ({"email": "not a mail"}, "column 'email': this is no email"),
        ({"shoe": "42"}, "shoe: expected one of 'person', 'email'"),
    ],
)
def test_what_names_nobody_is_refused_and_nothing_is_sent(room, tmp_path, names, why):
    with connect(room, tmp_path) as partner, pytest.raises(BadInput) as refused:
        partner.subject("exposures", **names)
    assert why in str(refused.value)
    assert "not a mail" not in str(refused.value)
    assert room.count("DescribePerson") == 0


def test_the_command_tells_it_in_words_and_as_json(room, tmp_path, capsys):
    code, out, err = command(room, tmp_path, capsys, "--ref", "crm-1")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "exposures: version v-1, sealed 1970-01-01 00:16 UTC, questions are asked of it",
        "  rows: 2",
        "  arm: test",
        "  city: ufa",
        "  impressions: 7 in all",
        "  shop: big, small",
        "  tokens of: email",
        "  agreed to: measurement (on consent)",
        "  agreed: 1970-01-01 00:08 UTC to 1970-01-01 02:30 UTC",
    ]
    code, out, _ = command(room, tmp_path, capsys, "--ref", "crm-1", "--json")
    assert json.loads(out)["held"][0]["version"] == "v-1"


def test_the_command_says_when_nothing_is_held(room, tmp_path, capsys):
    code, out, _ = command(room, tmp_path, capsys, "--email", "b@example.com", "--key", "phone=")
    assert code == 2
    code, out, _ = command(room, tmp_path, capsys, "--email", "b@example.com")
    assert (code, out) == (0, "exposures: no sealed version holds anything of this person\n")


def test_the_command_needs_a_name_and_repeats_no_value(room, tmp_path, capsys):
    assert "name the person" in command(room, tmp_path, capsys)[2]
    code, _, err = command(room, tmp_path, capsys, "--key", "a@example.com")
    assert (code, "a@example.com" in err) == (2, False)
