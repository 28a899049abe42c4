"""GPP strings against the specification's own examples and those of IAB Tech Lab's encoder.

Headers: Global-Privacy-Platform, "Consent String Specification", header examples, with the zero
bytes that encoders add. Sections: IABTechLab/iabgpp-java (Apache-2.0), commit a51d55f0,
UsNatTest.testDecode1, testDecodeBackwardsCompatibility, GppModelTest.testDecode5 to 9.
"""

import pytest

from cleanroom_client.consent.gpp import Answer, decode_gpp, decode_us_national
from cleanroom_client.consent.signals import SignalUnusable
from cleanroom_client.consent.tcf import decode_tcf

NA, YES, NO = Answer


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        ("DBAA", []),
        ("DBABM", [2]),
        ("DBABMA", [2]),
        ("DBACNY", [2, 6]),
        ("DBACNYA", [2, 6]),
        ("DBABjw", [5, 6]),
        ("DBABLA", [7]),
        ("DBACOYs", [2, *range(5, 24)]),
    ],
)
def test_headers_name_the_published_sections(header, ids):
    sections = [f"section{n}" for n in ids]
    found = decode_gpp("~".join([header, *sections]))
    assert found == dict(zip(ids, sections, strict=True))


def test_a_published_string_holds_its_tcf_section():
    section = decode_gpp(
        "DBABMA~CPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAFpQAwAAgCtAWkAAAAAAA.QAAA.IAAA"
    )
    found = decode_tcf(section[2])
    assert list(found.vendor_consents) == [1, 173, 722]
    assert (list(found.disclosed), list(found.allowed)) == ([], [])


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        (28, "CPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAAOAAAABAAAAA.QAAA.IAAA"),
        (29, "CPSG_8APSG_8AAAAAAENAACAAAAAAAAAAAAAAOwAQAOgAAAA.QAAA.IAAA"),
    ],
)
def test_both_encodings_of_vendors_are_read(vendor, text):
    assert list(decode_tcf(text).vendor_consents) == [vendor]


@pytest.mark.parametrize(("text", "gpc"), [("BVVVkkkkkpFY.YA", True), ("BVVVkkkkkpFY", False)])
def test_the_us_national_section_has_its_published_content(text, gpc):
    found = decode_us_national(text)
    assert found.notices == (YES,) * 6
    assert found.opt_outs == (YES, YES, YES)
    assert found.sensitive == (NO, YES, NA) * 5 + (NO,)
    assert found.children == (NO, YES, NA)
    assert (found.personal, found.gpc) == (YES, gpc)


def test_a_section_from_before_october_2024_is_read():
    found = decode_us_national("BVQqAAAACg")
    assert found.notices == (YES, YES, YES, YES, NA, NA)
    assert found.opt_outs == (NO, NO, NO)
    assert (found.sensitive, found.children) == ((NA,) * 12, (NA, NA))
    assert found.personal is NO


@pytest.mark.parametrize(
    ("text", "sensitive", "children"),
    [
        ("BAAAAAAAAQA.QA", (NA,) * 12, (NA, NA)),
        ("BAAAAAAAAABA.QA", (NA,) * 16, (NA, NA, NA)),
        ("BAAAAAABEQA.QA", (*(NA,) * 11, YES), (NA, YES)),
        ("BAAAAAAAAQRA.QA", (*(NA,) * 15, YES), (NA, NA, YES)),
    ],
)
def test_both_lengths_of_the_section_are_told_apart(text, sensitive, children):
    found = decode_us_national(text)
    assert (found.sensitive, found.children) == (sensitive, children)


@pytest.mark.parametrize(
    "text", ["z", "", "A", "DP48G0AP48G0AEsACCPLAkEgAAAAAEPgAB5YAAAQaQD2F2K2kKFkPC"]
)
def test_published_garbage_is_refused(text):
    for decode in (decode_gpp, decode_us_national, decode_tcf):
        with pytest.raises(SignalUnusable):
            decode(text)
