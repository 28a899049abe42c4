"""Consent of rows as a table brings it: strings, flags, bases, and the count of those without."""

import pytest

from cleanroom_client.consent import judge
from cleanroom_client.consent.rules import ConsentRules
from cleanroom_client.consent.signals import NoConsent
from cleanroom_client.identifiers import KeyType
from cleanroom_client.tables import BadInput, DatasetSpec, TableReader
from cleanroom_client.tables.spec import BASIS_MARKS, PURPOSES, Basis
from support.consent_strings import DAY_S, UPDATED_S, gpp, tcf, us_national

VENDOR = 755
RULES = ConsentRules(
    vendor=VENDOR,
    purposes={"measurement": frozenset({7, 9})},
    legitimate_interest=frozenset({9}),
    without_opt_out=frozenset({"measurement"}),
)
CONSENT_RULES = ConsentRules(vendor=VENDOR, purposes={"measurement": frozenset({7, 9})})
MEASUREMENT = PURPOSES["measurement"]
CONTRACT, INTEREST = BASIS_MARKS[Basis.CONTRACT], BASIS_MARKS[Basis.LEGITIMATE_INTEREST]
GOOD = tcf(consents={7, 9}, vendor_consents={VENDOR}, disclosed={VENDOR})
UNTIL_S = UPDATED_S + 395 * DAY_S


def _read(tmp_path, header, lines, **spec):
    path = tmp_path / "list.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    reader = TableReader(path, DatasetSpec(keys=(KeyType.EMAIL,), **spec))
    batches = list(reader)
    rows = [row for batch in batches for row in batch.table.to_pylist()]
    return [(r["purposes"], r["consent_at"], r["consent_until"]) for r in rows], reader.report


def test_strings_become_purposes_and_times(tmp_path):
    lines = [f"a@b.c,{GOOD}", "b@b.c,", f"c@b.c,{GOOD[:40]}", f"d@b.c,{GOOD}", ",broken"]
    rows, report = _read(tmp_path, "email,consent_string", lines, consent=CONSENT_RULES)
    assert rows == [
        (MEASUREMENT, UPDATED_S, UNTIL_S),
        (0, 0, 0),
        (0, 0, 0),
        (MEASUREMENT, UPDATED_S, UNTIL_S),
    ]
    assert report.no_consent == {NoConsent.NO_STRING: 1, NoConsent.MALFORMED: 1}
    assert (report.rows, report.without_key, report.without_consent) == (5, 1, 2)


def test_consent_ends_at_the_age_that_is_declared(tmp_path):
    rules = ConsentRules(vendor=VENDOR, purposes=CONSENT_RULES.purposes, max_age_days=30)
    rows, _ = _read(tmp_path, "email,consent_string", [f"a@b.c,{GOOD}"], consent=rules)
    assert rows == [(MEASUREMENT, UPDATED_S, UPDATED_S + 30 * DAY_S)]


def test_a_basis_that_the_policy_does_not_accept_is_no_consent(tmp_path):
    text = tcf(consents={7}, interests={9}, vendor_consents={VENDOR}, vendor_interests={VENDOR},
               disclosed={VENDOR})  # fmt: skip
    header, lines = "email,consent_string", [f"a@b.c,{text}"]
    rows, report = _read(tmp_path, header, lines, consent=RULES)
    assert (rows, dict(report.no_consent)) == ([(0, 0, 0)], {NoConsent.BASIS_NOT_ACCEPTED: 1})
    both = frozenset({Basis.CONSENT, Basis.LEGITIMATE_INTEREST})
    rows, report = _read(tmp_path, header, lines, consent=RULES, bases=both)
    assert (rows, report.without_consent) == ([(MEASUREMENT | INTEREST, UPDATED_S, UNTIL_S)], 0)


def test_a_string_without_a_time_needs_one_of_its_own(tmp_path):
    text = gpp({7: us_national()})
    lines = [f"a@b.c,{text},2026-06-01", f"b@b.c,{text},", f"c@b.c,{GOOD},2020-01-01", "d@b.c,,"]
    bases = frozenset(Basis)
    rules = ConsentRules(
        vendor=VENDOR,
        purposes=CONSENT_RULES.purposes,
        without_opt_out=RULES.without_opt_out,
    )
    header = "email,consent_string,consent_at"
    rows, report = _read(tmp_path, header, lines, consent=rules, bases=bases)
    assert rows == [
        (MEASUREMENT | INTEREST, UPDATED_S, UNTIL_S),
        (0, 0, 0),
        (MEASUREMENT, UPDATED_S, UNTIL_S),  # what the string says goes first
        (0, 0, 0),
    ]
    assert report.no_consent == {NoConsent.NO_TIME: 1, NoConsent.NO_STRING: 1}


@pytest.mark.parametrize("strings", [True, False])
def test_global_privacy_control_puts_a_row_out(tmp_path, strings):
    said = GOOD if strings else "measurement,2026-06-01,2027-07-01"
    header = "consent_string" if strings else "purposes,consent_at,consent_until"
    lines = [f"a@b.c,{said},{gpc}" for gpc in ("1", "true", "0", "", "1.0")]
    spec = {"consent": CONSENT_RULES} if strings else {}
    rows, report = _read(tmp_path, f"email,{header},gpc", lines, **spec)
    assert [bits for bits, _, _ in rows] == [0, 0, MEASUREMENT, MEASUREMENT, 0]
    assert report.no_consent == {NoConsent.GLOBAL_PRIVACY_CONTROL: 3}


def test_a_row_that_says_nothing_is_counted_once_for_its_first_reason(tmp_path):
    lines = ["a@b.c,,,,1", "b@b.c,,,,"]
    header = "email,purposes,consent_at,consent_until,gpc"
    _, report = _read(tmp_path, header, lines)
    assert report.no_consent == {NoConsent.NO_PURPOSE: 2}


def test_a_basis_in_a_column_goes_with_the_purposes(tmp_path):
    header = "email,purposes,consent_at,consent_until,basis"
    times = "2026-06-01,2027-07-01"
    lines = [f"a@b.c,measurement,{times},{basis}" for basis in ("", "Consent", "contract")]
    rows, report = _read(tmp_path, header, lines)
    assert [bits for bits, _, _ in rows] == [MEASUREMENT, MEASUREMENT, 0]
    assert report.no_consent == {NoConsent.BASIS_NOT_ACCEPTED: 1}
    rows, _ = _read(tmp_path, header, lines, bases=frozenset(Basis))
    assert rows[2][0] == MEASUREMENT | CONTRACT
    with pytest.raises(BadInput, match=r"line 2, column 'basis': 'vital' is not a basis"):
        _read(tmp_path, header, [f"a@b.c,measurement,{times},vital"])


def test_a_row_without_the_base_purpose_is_counted_and_used_for_nothing(tmp_path):
    header = "email,purposes,consent_at,consent_until"
    times = "2026-06-01,2027-07-01"
    lines = [f"a@b.c,measurement,{times}", f"b@b.c,research;measurement,{times}", "c@b.c,,,"]
    rows, report = _read(tmp_path, header, lines, base=PURPOSES["research"])
    assert [bits for bits, _, _ in rows] == [0, 33, 0]
    assert report.no_consent == {NoConsent.NO_BASE_PURPOSE: 1, NoConsent.NO_PURPOSE: 1}


def test_a_column_that_the_policy_declares_under_such_a_name_stays_the_policys(tmp_path):
    header = "email,gpc,purposes,consent_at,consent_until"
    rows, _ = _read(
        tmp_path, header, ["a@b.c,1,measurement,2026-06-01,2027-07-01"], counts=("gpc",)
    )
    assert rows[0][0] == MEASUREMENT


@pytest.mark.parametrize(
    ("header", "rules", "words"),
    [
        ("email,consent_string", None, "--consent FILE"),
        ("email,purposes,consent_at,consent_until", CONSENT_RULES, "no column 'consent_string'"),
        ("email,consent_string,purposes", CONSENT_RULES, "leave one of them out"),
        ("email,consent_string,consent_until", CONSENT_RULES, "leave one of them out"),
    ],
)
def test_consent_comes_in_one_way(tmp_path, header, rules, words):
    line = ",".join(["a@b.c", *[""] * header.count(",")])
    with pytest.raises(BadInput, match=words):
        _read(tmp_path, header, [line], consent=rules)


def test_a_wrong_flag_is_an_error_of_the_table(tmp_path):
    with pytest.raises(BadInput, match=r"line 2, column 'gpc': 'yes please' is no flag"):
        _read(tmp_path, "email,consent_string,gpc", ["a@b.c,,yes please"], consent=CONSENT_RULES)


def test_a_string_that_comes_again_is_decoded_once(tmp_path, monkeypatch):
    decoded = []
    original = judge.decode_tcf
    monkeypatch.setattr(judge, "decode_tcf", lambda text: decoded.append(text) or original(text))
    lines = [f"p{i}@b.c,{GOOD}" for i in range(25_000)]  # three batches
    rows, _ = _read(tmp_path, "email,consent_string", lines, consent=CONSENT_RULES)
    assert len(rows) == 25_000
    assert decoded == [GOOD]
