"""The owner's consent rules as a file: what it means, and one sentence for each fault."""

import re
from pathlib import Path

import pytest

from cleanroom_client.consent.rules import DEFAULT_PURPOSES, MAX_AGE_DAYS, ConsentRules
from cleanroom_client.consent.rules_file import load_rules
from cleanroom_client.consent.signals import NoConsent
from cleanroom_client.tables import BadInput
from cleanroom_client.tables.spec import PURPOSES

HEAD = 'version = "cleanroom-consent/v1"\n'


def _load(tmp_path, text):
    path = tmp_path / "consent.toml"
    path.write_text(text)
    return load_rules(path)


def test_a_vendor_alone_means_the_defaults(tmp_path):
    found = _load(tmp_path, HEAD + "vendor = 755\n")
    assert found == ConsentRules(vendor=755)
    assert (found.purposes, found.max_age_days) == (DEFAULT_PURPOSES, MAX_AGE_DAYS)
    assert set(found.purposes) == set(PURPOSES)
    assert _load(tmp_path, HEAD + "publisher = true\n").vendor is None


def test_everything_can_be_declared(tmp_path):
    text = HEAD + (
        "vendor = 755\nlegitimate_interest = [7]\nflexible = [7, 9]\n"
        'without_opt_out = ["measurement"]\nmax_age_days = 180\n[purposes]\nmeasurement = [7, 10]\n'
    )
    assert _load(tmp_path, text) == ConsentRules(
        vendor=755,
        purposes={"measurement": frozenset({7, 10})},
        legitimate_interest=frozenset({7}),
        flexible=frozenset({7, 9}),
        without_opt_out=frozenset({"measurement"}),
        max_age_days=180,
    )


def test_the_example_of_the_documents_can_be_read(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    assert _load(tmp_path, block).purposes == {"measurement": frozenset({7, 9})}
    for name, ids in DEFAULT_PURPOSES.items():
        (line,) = [row for row in text.splitlines() if row.startswith(f"| `{name}` |")]
        assert {int(n) for n in re.findall(r"\b\d+\b", line)} == ids


def test_every_reason_is_explained():
    text = (Path(__file__).parents[2] / "docs" / "consent.md").read_text(encoding="utf-8")
    assert [str(reason) for reason in NoConsent if f"`{reason}`" not in text] == []


FAULTS = {
    "vendor = 755": ["version", "cleanroom-consent/v1"],
    HEAD: ["one of vendor = 755", "publisher = true"],
    HEAD + "vendor = 755\npublisher = true": ["one of vendor"],
    HEAD + "publisher = 1": ["one of vendor"],
    HEAD + "vendor = 0": ["vendor", "1 to 65535"],
    HEAD + "vendor = true": ["vendor", "whole number"],
    HEAD + "vendor = 1\nvendr = 2": ["unknown key 'vendr'", "known are"],
    HEAD + "vendor = 1\npurposes = 7": ["purposes", "a table"],
    HEAD + "vendor = 1\n[purposes]": ["at least one purpose"],
    HEAD + "vendor = 1\n[purposes]\nmeasurment = [7]": ["'measurment'", "measurement"],
    HEAD + "vendor = 1\n[purposes]\nmeasurement = []": ["purposes.measurement", "by number"],
    HEAD + "vendor = 1\n[purposes]\nmeasurement = [25]": ["purposes.measurement", "1 to 24"],
    HEAD + 'vendor = 1\n[purposes]\nmeasurement = ["7"]': ["purposes.measurement", "whole number"],
    HEAD + "vendor = 1\nflexible = 7": ["flexible", "a list"],
    HEAD + "vendor = 1\nlegitimate_interest = [3]": ["purpose 3", "consent only"],
    HEAD + 'vendor = 1\nwithout_opt_out = "measurement"': ["without_opt_out", "a list"],
    HEAD + 'vendor = 1\nwithout_opt_out = ["fun"]': ["without_opt_out", "'fun'"],
    HEAD + "vendor = 1\nmax_age_days = 0": ["max_age_days", "1 to 3650"],
    HEAD + "vendor = ": ["not valid TOML"],
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_one_sentence_that_names_file_and_key(tmp_path, text):
    with pytest.raises(BadInput) as caught:
        _load(tmp_path, text)
    for words in ("consent.toml", *FAULTS[text]):
        assert words in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_said_to_be(tmp_path):
    with pytest.raises(BadInput, match=r"absent\.toml.*cannot be read"):
        load_rules(tmp_path / "absent.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"version = \xe9")
    with pytest.raises(BadInput, match="not UTF-8"):
        load_rules(path)


def test_rules_have_one_digest_that_every_part_changes():
    rules = [
        ConsentRules(vendor=1),
        ConsentRules(vendor=2),
        ConsentRules(vendor=None),
        ConsentRules(vendor=1, purposes={"measurement": frozenset({7})}),
        ConsentRules(vendor=1, legitimate_interest=frozenset({7})),
        ConsentRules(vendor=1, flexible=frozenset({7})),
        ConsentRules(vendor=1, without_opt_out=frozenset({"research"})),
        ConsentRules(vendor=1, max_age_days=1),
    ]
    assert len({each.digest() for each in rules}) == len(rules)
    assert ConsentRules(vendor=1).digest() == rules[0].digest()
