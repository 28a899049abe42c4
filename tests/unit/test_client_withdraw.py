"""Withdrawals by the SDK, over real TLS: what is sent for whom, and which lists are refused."""

from __future__ import annotations

import pandas as pd
import pytest

from cleanroom_client import BadInput, RoomError, withdrawing
from cleanroom_client.blinding import blind_identities
from cleanroom_client.identifiers import KeyType, identity
from cleanroom_client.keystore import Keystore
from support.fake_answers import terms_of
from support.fake_partner import connect, join
from support.fake_service import fake_service, unavailable


@pytest.fixture
def room(tmp_path):
    with fake_service() as running:
        join(running, tmp_path)
        yield running


@pytest.fixture
def secrets(room, tmp_path):
    keystore = Keystore.open(tmp_path / "acme-brand.keystore.json", passphrase=None)
    return keystore.secrets("spring")


def element(secrets, email):
    found = blind_identities(
        [identity(KeyType.EMAIL, email, None)],
        key=secrets.blinding,
        collaboration="spring",
        key_type=KeyType.EMAIL,
    )
    return found[0]


def sent(room):
    return [(one.kind, one.value) for part in room.withdrawals.values() for one in part]


def test_references_and_keys_are_sent_as_uploaded_rows_hold_them(room, secrets, tmp_path):
    people = pd.DataFrame(
        {"person": [" crm-1 ", "crm-2", ""], "email": ["", "Anna@Example.com", "b@example.com"]}
    )
    room.known_references = {secrets.person.reference("crm-1")}
    with connect(room, tmp_path) as partner:
        found = partner.withdraw("exposures", people)
    assert sent(room) == [
        ("person", secrets.person.reference("crm-1")),
        ("person", secrets.person.reference("crm-2")),
        ("email", element(secrets, "anna@example.com")),
        ("email", element(secrets, "b@example.com")),
    ]
    assert (found.given, found.known, found.unknown) == (4, 1, 3)
    assert (found.withdrawn_at_s, found.effective_from_s) == (1_000, 86_400)
    assert found.to_dict()["unknown"] == 3


def test_a_csv_with_other_headers_and_repeats_names_each_once(room, secrets, tmp_path):
    path = tmp_path / "left.csv"
    path.write_text("Kunde;note\nk1;x\nk1;y\nk2;z\n")
    with connect(room, tmp_path) as partner:
        found = partner.withdraw("exposures", path, mapping={"person": "Kunde"}, delimiter=";")
    assert found.given == 2
    assert sent(room) == [("person", secrets.person.reference(k)) for k in ("k1", "k2")]


def test_a_long_list_takes_several_calls_that_are_repeated_as_they_were(
    room, tmp_path, monkeypatch
):
    monkeypatch.setattr(withdrawing, "_PER_CALL", 3)
    people = pd.DataFrame({"person": [f"crm-{i}" for i in range(7)]})
    room.faults["WithdrawConsent"] = [unavailable]
    with connect(room, tmp_path) as partner:
        first = partner.withdraw("exposures", people, request_id="leave-0001")
        again = partner.withdraw("exposures", people, request_id="leave-0001")
        partner.withdraw("exposures", people, request_id="leave-0002")
    assert first == again
    assert [len(part) for part in room.withdrawals.values()] == [3, 3, 1] * 2
    assert next(iter(room.withdrawals)) == "leave-0001"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("person,email\nc1,\n,not a mail\n", "line 3, column 'email': this is no email"),
        ("person,email\nc1,\n , \n", "line 3: the row names nobody: expected a value in 'person'"),
        ("name\nAnna\n", "line 1: no column that names people: expected one of 'person', 'email'"),
        ("person\n", "there is a header but no row"),
        ("person,person\na,b\n", "the header 'person' comes more than once"),
    ],
)
def test_a_list_that_would_leave_somebody_in_is_refused_whole(room, tmp_path, text, why):
    path = tmp_path / "left.csv"
    path.write_text(text)
    with connect(room, tmp_path) as partner, pytest.raises(BadInput) as refused:
        partner.withdraw("exposures", path)
    assert why in str(refused.value)
    assert "Anna" not in str(refused.value)
    assert "not a mail" not in str(refused.value)
    assert room.withdrawals == {}


def test_a_mapping_to_nothing_is_refused(room, tmp_path):
    people = pd.DataFrame({"person": ["c1"]})
    with connect(room, tmp_path) as partner:
        for mapping in ({"person": "Kunde"}, {"city": "person"}):
            with pytest.raises(BadInput, match="--map"):
                partner.withdraw("exposures", people, mapping=mapping)


def test_without_a_policy_in_force_only_own_references_are_made(room, secrets, tmp_path):
    room.acceptances.clear()
    room.terms = terms_of("psi")
    with connect(room, tmp_path) as partner:
        people = pd.DataFrame({"person": ["c1"], "email": ["a@example.com"]})
        assert partner.withdraw("exposures", people).given == 1
        with pytest.raises(BadInput, match="no column that names people"):
            partner.withdraw("exposures", people[["email"]])
    assert sent(room) == [("person", secrets.person.reference("c1"))]


def test_what_the_service_refuses_is_told(room, tmp_path):
    import grpc

    from support.fake_service import refuse

    def forbidden(context):
        refuse(
            context,
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND_OR_NOT_PERMITTED",
            "datasets/sales does not exist or is not yours to withdraw from",
        )

    room.faults["WithdrawConsent"] = [forbidden]
    with connect(room, tmp_path) as partner, pytest.raises(RoomError, match="not yours"):
        partner.withdraw("exposures", pd.DataFrame({"person": ["c1"]}))
