"""What a decoded string permits: vendor, purposes, bases, restrictions, opt-outs."""

from dataclasses import replace

import pytest

from cleanroom_client.consent.judge import permitted
from cleanroom_client.consent.rules import DEFAULT_PURPOSES, ConsentRules
from cleanroom_client.consent.signals import NoConsent, SignalUnusable
from cleanroom_client.tables.spec import PURPOSES, Basis
from support.consent_strings import DAY_S, UPDATED_S, gpp, tcf, us_national

VENDOR = 755
RULES = ConsentRules(vendor=VENDOR, purposes={"measurement": frozenset({7, 9})})
INTEREST = replace(RULES, legitimate_interest=frozenset({7, 9}))
FLEXIBLE = replace(INTEREST, flexible=frozenset({7, 9}))
US = replace(RULES, without_opt_out=frozenset({"measurement"}))
CONSENT, LEGITIMATE = Basis.CONSENT, Basis.LEGITIMATE_INTEREST
BEFORE_2_3_S = 1_770_000_000  # 2026-02-02


def string(**changes):
    whole = {
        "consents": {7, 9},
        "interests": {7, 9},
        "vendor_consents": {VENDOR},
        "vendor_interests": {VENDOR},
        "disclosed": {VENDOR},
    }
    return tcf(**(whole | changes))


def why(text, rules=RULES):
    with pytest.raises(SignalUnusable) as caught:
        permitted(text, rules)
    return caught.value.reason


def test_consent_of_person_for_vendor_and_all_purposes_permits():
    found = permitted(string(), RULES)
    assert found.purposes == {"measurement": CONSENT}
    assert found.since_s == UPDATED_S


@pytest.mark.parametrize(
    "lacking",
    [{"consents": {7}}, {"consents": {9}}, {"vendor_consents": {754, 756}}, {"consents": ()}],
)
def test_consent_lacking_in_any_part_permits_nothing(lacking):
    assert why(string(**lacking)) is NoConsent.NOTHING_GRANTED


def test_each_purpose_is_judged_by_itself():
    rules = ConsentRules(vendor=VENDOR)
    assert set(permitted(string(consents={3, 9}), rules).purposes) == {"segmentation", "profiling"}
    everything = string(consents=range(1, 12))
    assert set(permitted(everything, rules).purposes) == set(DEFAULT_PURPOSES) == set(PURPOSES)


def test_a_string_of_global_scope_is_invalid():
    assert why(string(service_specific=False)) is NoConsent.GLOBAL_SCOPE


def test_a_policy_version_below_4_is_invalid_once_4_was_there():
    last_day, first_day = 1_696_118_399, 1_696_118_400  # 2023-10-01
    assert why(string(policy_version=3, updated_s=first_day)) is NoConsent.OUTDATED_POLICY
    assert permitted(string(policy_version=3, updated_s=last_day), RULES).purposes
    assert permitted(string(policy_version=4, updated_s=first_day), RULES).purposes


def test_the_vendor_must_be_disclosed_where_that_is_said_or_mandatory():
    assert why(string(disclosed={1, 2})) is NoConsent.VENDOR_NOT_DISCLOSED
    assert why(string(disclosed=None)) is NoConsent.VENDOR_NOT_DISCLOSED
    assert permitted(string(disclosed=None, updated_s=BEFORE_2_3_S), RULES).purposes
    early = string(disclosed={1}, updated_s=BEFORE_2_3_S)
    assert why(early) is NoConsent.VENDOR_NOT_DISCLOSED


def test_a_registered_legitimate_interest_permits_on_its_own_basis():
    only = string(consents=(), vendor_consents=())
    assert permitted(only, INTEREST).purposes == {"measurement": LEGITIMATE}
    assert why(string(interests={7}), INTEREST) is NoConsent.NOTHING_GRANTED
    assert why(string(vendor_interests=()), INTEREST) is NoConsent.NOTHING_GRANTED


def test_one_purpose_on_interest_makes_the_whole_rest_on_it():
    rules = replace(RULES, legitimate_interest=frozenset({9}))
    assert permitted(string(), rules).purposes == {"measurement": LEGITIMATE}


# name: (rules, restriction kind, basis that is left)
RESTRICTIONS = {
    "forbidden on consent": (RULES, 0, None),
    "forbidden on interest": (FLEXIBLE, 0, None),
    "consent required of consent": (RULES, 1, CONSENT),
    "consent required of interest": (INTEREST, 1, None),
    "consent required of flexible interest": (FLEXIBLE, 1, CONSENT),
    "interest required of consent": (RULES, 2, None),
    "interest required of flexible consent": (
        replace(RULES, flexible=frozenset({7, 9})),
        2,
        LEGITIMATE,
    ),
    "interest required of interest": (INTEREST, 2, LEGITIMATE),
}


@pytest.mark.parametrize("name", RESTRICTIONS)
def test_publisher_restrictions_are_respected(name):
    rules, kind, basis = RESTRICTIONS[name]
    restricted = string(restrictions=[(n, kind, {1, VENDOR}) for n in (7, 9)])
    if basis is None:
        assert why(restricted, rules) is NoConsent.NOTHING_GRANTED
    else:
        assert permitted(restricted, rules).purposes == {"measurement": basis}


def test_restrictions_of_others_do_not_concern_the_vendor():
    text = string(restrictions=[(7, 0, range(1, VENDOR)), (8, 0, {VENDOR})])
    assert permitted(text, RULES).purposes


def test_contradicting_restrictions_permit_nothing():
    text = string(restrictions=[(7, 1, {VENDOR}), (7, 2, {VENDOR})])
    assert why(text, FLEXIBLE) is NoConsent.NOTHING_GRANTED


def test_a_publisher_reads_its_own_segment():
    rules = replace(RULES, vendor=None)
    text = string(vendor_consents=(), disclosed=(), publisher=({7, 9}, ()))
    assert permitted(text, rules).purposes == {"measurement": CONSENT}
    assert why(string(publisher=({7}, {9})), rules) is NoConsent.NOTHING_GRANTED
    assert why(string(), rules) is NoConsent.NO_PUBLISHER_SEGMENT
    interested = replace(INTEREST, vendor=None)
    assert permitted(string(publisher=((), {7, 9})), interested).purposes == {
        "measurement": LEGITIMATE
    }


def test_a_gpp_string_says_what_its_tcf_section_says():
    assert permitted(gpp({2: string()}), RULES) == permitted(string(), RULES)
    assert why(gpp({2: string(consents=())})) is NoConsent.NOTHING_GRANTED


def test_who_was_told_and_did_not_opt_out_permits_on_interest_and_without_a_time():
    found = permitted(gpp({7: us_national()}), US)
    assert (found.purposes, found.since_s) == ({"measurement": LEGITIMATE}, 0)
    assert why(gpp({7: us_national()}), RULES) is NoConsent.NOTHING_GRANTED


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"opt_outs": (1, 2, 2)}, NoConsent.OPTED_OUT),
        ({"opt_outs": (2, 1, 2)}, NoConsent.OPTED_OUT),
        ({"opt_outs": (2, 2, 1)}, NoConsent.OPTED_OUT),
        ({"children": (0, 1, 0)}, NoConsent.OPTED_OUT),
        ({"gpc": True}, NoConsent.GLOBAL_PRIVACY_CONTROL),
        ({"opt_outs": (0, 0, 0)}, NoConsent.NO_NOTICE),
        ({"notices": (1, 2, 1, 1, 0, 0)}, NoConsent.NO_NOTICE),
    ],
)
def test_an_opt_out_or_a_missing_notice_permits_nothing(section, reason):
    assert why(gpp({7: us_national(**section)}), US) is reason


def test_two_sections_permit_only_what_both_do():
    both = gpp({2: string(), 7: us_national()})
    assert permitted(both, US).purposes == {"measurement": LEGITIMATE}
    assert permitted(both, US).since_s == UPDATED_S
    assert why(gpp({2: string(), 7: us_national(gpc=True)}), US) is (
        NoConsent.GLOBAL_PRIVACY_CONTROL
    )
    other = replace(US, without_opt_out=frozenset({"research"}))
    assert why(both, other) is NoConsent.NOTHING_GRANTED


def test_a_string_of_tomorrow_is_not_older_than_today():
    assert permitted(string(updated_s=UPDATED_S + DAY_S), RULES).since_s == UPDATED_S + DAY_S
