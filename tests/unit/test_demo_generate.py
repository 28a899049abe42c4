"""The demo's files: repeatable, as messy as real ones, and true to what is said about them."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cleanroom.demo.campaign import CITIES, PROMOTED, Campaign
from cleanroom.demo.dice import dice_of
from cleanroom.demo.generate import generate
from cleanroom.demo.spelling import phone_of
from cleanroom.demo.world import make_world
from cleanroom_client.identifiers.columns import identities, identity
from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.tables import TableReader
from support.brought import spec_of
from support.policies import policy

PEOPLE = 4_000
CAMPAIGN = Campaign(today=date(2026, 6, 1))
DATASETS = ("exposures", "sales", "panel")


@pytest.fixture(scope="module")
def files():
    return generate(people=PEOPLE, seed=5, campaign=CAMPAIGN)


def test_a_seed_always_makes_the_same_files(files):
    again = generate(people=PEOPLE, seed=5, campaign=CAMPAIGN)
    for dataset in DATASETS:
        pd.testing.assert_frame_equal(files.of(dataset), again.of(dataset))


def test_another_seed_makes_other_files(files):
    other = generate(people=PEOPLE, seed=6, campaign=CAMPAIGN)
    assert not files.sales.equals(other.sales)


def test_files_do_not_show_what_only_their_maker_knows(files, tmp_path):
    for dataset in DATASETS:
        files.write(dataset, tmp_path / "file.csv")
        header = (tmp_path / "file.csv").read_text(encoding="utf-8").splitlines()[0]
        assert "true_" not in header
        assert "email" in header


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("key", [KeyType.EMAIL, KeyType.PHONE])
def test_every_spelling_is_normalised_to_what_it_stands_for(files, dataset, key):
    frame = files.of(dataset)
    found, rejects = identities(key, pa.array(frame[key].tolist(), pa.string()), "RU")
    wanted = [identity(key, text, "RU") if text else None for text in frame[f"true_{key}"]]
    assert found.to_pylist() == wanted
    assert rejects.unparseable > 0
    assert rejects.empty > 0


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_file_is_read_under_the_demo_policy(files, dataset):
    spec = spec_of(policy(name="demo").dataset(dataset))
    reader = TableReader(files.visible(dataset), spec, region="RU")
    sent = sum(batch.table.num_rows for batch in reader)
    assert 0.9 * len(files.of(dataset)) < sent == reader.report.sent
    assert reader.report.duplicates > 0
    assert reader.report.without_consent > 0


def test_companies_are_of_the_size_asked_for_and_overlap_by_60_percent(files):
    people = {d: set(files.of(d)["true_person"]) for d in DATASETS}
    assert {len(p) for p in people.values()} == {PEOPLE}
    assert len(people["exposures"] & people["sales"]) == round(0.6 * PEOPLE)
    assert len(people["panel"] & people["sales"]) > PEOPLE / 4


def test_arms_are_balanced_in_every_city_and_segment(files):
    one = files.exposures.drop_duplicates("true_person")
    cities = one["city"].where(one["city"].isin(CITIES), "other")
    excess = (one["arm"] == "test").map({True: 1, False: -1})
    by_cell = excess.groupby([cities, one["segment"]]).sum()
    assert len(by_cell) == 12
    # A few people's first row is the mistaken one of two.
    assert by_cell.abs().max() <= 12


def test_nobody_in_control_has_seen_anything_unless_by_mistake(files):
    arms = files.exposures.groupby("true_person")["arm"].nunique()
    clean = files.exposures[files.exposures["true_person"].isin(arms.index[arms == 1])]
    assert (clean[clean["arm"] == "control"]["impressions"] == 0).all()
    assert clean[clean["arm"] == "test"]["impressions"].mean() > 4
    assert 0 < (arms == 2).sum() < PEOPLE / 100


def test_all_kinds_of_mess_are_there(files):
    email, phone = files.exposures["email"], files.exposures["phone"]
    assert email.str.contains(r"\+shop@", case=False).any()
    assert (email != email.str.strip()).any()
    assert (email != email.str.lower()).any()
    for pattern in (r"^8 \(9\d\d\) \d{3}-\d\d-\d\d$", r"^\+7 9\d\d ", r"^\+79\d{9}$", r"^79\d{9}$"):
        assert phone.str.contains(pattern).any(), pattern
    assert set(PROMOTED) < set(files.sales["category"])


def test_some_people_have_two_emails_at_the_retailer_and_none_elsewhere(files):
    rows = files.sales[files.sales["true_email"] != ""]
    emails = rows.groupby("true_person")["true_email"].nunique()
    several = set(emails.index[emails > 1])
    assert len(several) > 10
    for dataset in ("exposures", "panel"):
        frame = files.of(dataset)
        assert (frame[frame["true_person"].isin(several)]["true_email"] == "").all()


def test_a_key_never_belongs_to_two_people(files):
    for dataset in DATASETS:
        for key in ("true_email", "true_phone"):
            rows = files.of(dataset)
            owners = rows[rows[key] != ""].groupby(key)["true_person"].nunique()
            assert owners.max() == 1


def test_amounts_are_decimal_text_of_the_hidden_minor_units(files):
    assert files.sales["amount"].map(lambda a: bool(re.fullmatch(r"\d+\.\d\d", a))).all()
    minor = files.sales["amount"].str.replace(".", "").astype("int64")
    assert (minor == files.sales["true_minor"]).all()


def test_matching_does_not_depend_on_later_receipts(files):
    """Whoever has a key at all has it on the receipt from before the campaign."""
    early = files.sales[files.sales["occurred_at"] < CAMPAIGN.start.isoformat()]
    known = set(files.sales[files.sales["true_phone"] != ""]["true_person"])
    assert known == set(early[early["true_phone"] != ""]["true_person"])


def test_phones_of_different_people_differ():
    assert len({phone_of(i) for i in range(0, 3_000_000, 101)}) == len(range(0, 3_000_000, 101))


def test_only_the_test_arm_is_reached():
    world = make_world(dice_of(1), 1_000)
    contacted = world.mega[world.reached]
    assert contacted.max() < 1_000
    assert world.test[contacted].all()
    assert np.isclose(world.reached.sum(), 300, atol=60)
