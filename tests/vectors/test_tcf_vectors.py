"""TCF v2 strings against the published content of three (gguridi/iab-tcf, MIT)."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cleanroom_client.consent.tcf import Restriction, decode_tcf

_FOLDER = Path(__file__).parents[2] / "../shared/data/vectors/tcf"
_NAMES = ("v2_consent_a", "v2_consent_b", "v2_consent_c")


@pytest.fixture(name="vector", params=_NAMES)
def _vector(request):
    path = _FOLDER / f"{request.param}.json"
    if not path.exists():
        pytest.skip("the TCF vectors are not beside this repository")
    return json.loads(path.read_text())


def _seconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def _ids(table):
    return {int(key) for key, value in table.items() if value}


def test_the_core_string_has_its_published_content(vector):
    core, found = vector["core"], decode_tcf(vector["consent"])
    assert (core["version"], core["maxVendorId"] >= max(found.vendor_consents)) == (2, True)
    plain = {
        "created": found.created_s,
        "lastUpdated": found.updated_s,
    }
    assert {key: _seconds(core[key]) for key in plain} == plain
    assert found.cmp == core["cmpId"]
    assert found.cmp_version == core["cmpVersion"]
    assert found.screen == core["consentScreen"]
    assert found.language == core["consentLanguage"]
    assert found.vendor_list_version == core["vendorListVersion"]
    assert found.policy_version == core["policyVersion"]
    assert found.is_service_specific == core["isServiceSpecified"]
    assert found.use_non_standard_texts == core["useNonStandardStacks"]
    assert found.purpose_one_treatment == core["purposeOneTreatment"]
    assert found.publisher_country == core["publisherCountryCode"]
    assert found.special_features == _ids(core["specialFeatureOptins"])
    assert found.consents == _ids(core["purposeConsents"])
    assert found.legitimate_interests == _ids(core["purposeLegitimateInterests"])


def test_vendors_have_their_published_content(vector):
    core, found = vector["core"], decode_tcf(vector["consent"])
    assert set(found.vendor_consents) == _ids(core["vendorConsents"])
    assert set(found.vendor_legitimate_interests) == _ids(core["vendorLegitimateInterests"])
    for vendor in range(1, 1_000):
        assert (vendor in found.vendor_consents) == (str(vendor) in core["vendorConsents"])


def test_publisher_restrictions_have_their_published_content(vector):
    found = decode_tcf(vector["consent"])
    ours = {
        (vendor, each.purpose, each.kind) for each in found.restrictions for vendor in each.vendors
    }
    published = {
        (int(vendor), each["purpose"], _kind(each))
        for vendor, restrictions in vector["core"]["publisherRestrictions"].items()
        for each in restrictions
    }
    assert ours == published


def _kind(published):
    if published["isConsentRequired"]:
        return Restriction.REQUIRE_CONSENT
    if published["isLegitimateInterestRequired"]:
        return Restriction.REQUIRE_LEGITIMATE_INTEREST
    return Restriction.NOT_ALLOWED


def test_segments_have_their_published_content(vector):
    found = decode_tcf(vector["consent"])
    assert (found.disclosed is None) == ("disclosedVendors" not in vector)
    if found.disclosed is not None:
        assert set(found.disclosed) == _ids(vector["disclosedVendors"])
    assert (found.publisher is None) == ("publisherTC" not in vector)
    if found.publisher is not None:
        own = vector["publisherTC"]
        assert found.publisher.consents == _ids(own["purposeConsents"])
        assert found.publisher.legitimate_interests == _ids(own["purposeLegitimateInterests"])
        assert found.publisher.custom_consents == _ids(own["customPurposeConsents"])
        assert own["numCustomPurposes"] == 0
