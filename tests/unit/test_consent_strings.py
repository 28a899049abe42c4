"""Consent strings: what is written is read, and whatever is cut, bent or made up is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanroom_client.consent.bits import Bits
from cleanroom_client.consent.gpp import Answer, decode_gpp, decode_us_national
from cleanroom_client.consent.judge import MAX_CHARACTERS, permitted
from cleanroom_client.consent.rules import ConsentRules
from cleanroom_client.consent.signals import NoConsent, SignalUnusable
from cleanroom_client.consent.tcf import Restriction, decode_tcf
from support.consent_strings import (
    ALPHABET,
    UPDATED_S,
    base64url,
    fibonacci,
    gpp,
    number,
    tcf,
    us_national,
)

_PURPOSES = st.sets(st.integers(1, 24))
_VENDORS = st.sets(st.integers(1, 1_200), max_size=40)
_ANSWERS = st.integers(0, 2)
_FULL = tcf(
    consents={1, 3, 7, 9},
    interests={7, 10},
    vendor_consents={5, 755, 1_100},
    vendor_interests={755},
    restrictions=[(3, 0, {12, 13, 14, 99}), (7, 1, {755})],
    disclosed={5, 755},
    publisher=({1, 2}, {7}),
    custom=(3, {1, 3}, {2}),
    features={1},
)


@given(
    consents=_PURPOSES,
    interests=_PURPOSES,
    vendor_consents=_VENDORS,
    vendor_interests=_VENDORS,
    restrictions=st.lists(st.tuples(st.integers(1, 24), st.integers(0, 2), _VENDORS), max_size=4),
    disclosed=st.none() | _VENDORS,
    publisher=st.none() | st.tuples(_PURPOSES, _PURPOSES),
    updated_s=st.integers(0, 2**32),
    by_range=st.booleans(),
)
def test_a_string_is_read_as_it_was_written(**written):
    found = decode_tcf(tcf(**written))
    assert (found.updated_s, found.created_s) == (written["updated_s"],) * 2
    assert found.consents == written["consents"]
    assert found.legitimate_interests == written["interests"]
    assert set(found.vendor_consents) == written["vendor_consents"]
    assert set(found.vendor_legitimate_interests) == written["vendor_interests"]
    assert [(r.purpose, r.kind, set(r.vendors)) for r in found.restrictions] == [
        (purpose, Restriction(kind), ids) for purpose, kind, ids in written["restrictions"]
    ]
    disclosed = None if found.disclosed is None else set(found.disclosed)
    assert disclosed == written["disclosed"]
    own = found.publisher and (found.publisher.consents, found.publisher.legitimate_interests)
    assert own == written["publisher"]


@given(
    st.lists(_ANSWERS, min_size=6, max_size=6),
    st.lists(_ANSWERS, min_size=3, max_size=3),
    st.sampled_from([((0,) * 12, (0, 1)), ((2,) * 16, (0, 1, 2))]),
    st.none() | st.booleans(),
)
def test_a_us_section_is_read_as_it_was_written(notices, opt_outs, fields, gpc):
    sensitive, children = fields
    found = decode_us_national(
        us_national(
            notices=notices, opt_outs=opt_outs, sensitive=sensitive, children=children, gpc=gpc
        )
    )
    assert (found.notices, found.opt_outs) == (tuple(notices), tuple(opt_outs))
    assert (found.sensitive, found.children) == (sensitive, children)
    assert (found.personal, found.gpc) == (Answer.NOT_APPLICABLE, bool(gpc))


@given(st.sets(st.integers(1, 400), max_size=30))
def test_a_header_is_read_as_it_was_written(ids):
    sections = {n: f"text{n}" for n in ids}
    assert decode_gpp(gpp(sections)) == sections


@given(st.integers(1, 1_500))
def test_fibonacci_coding_is_read_as_it_was_written(value):
    assert Bits(base64url(fibonacci(value))).fibonacci() == value


@pytest.mark.parametrize("length", range(len(_FULL)))
def test_a_cut_string_is_refused_or_lacks_whole_segments(length):
    """Where the cut falls behind a segment, the others are all that was said."""
    with suppress(SignalUnusable):
        found, whole = decode_tcf(_FULL[:length]), decode_tcf(_FULL)
        assert found.vendor_consents == whole.vendor_consents
        assert found.restrictions == whole.restrictions
        assert found.disclosed in {None, whole.disclosed}
        assert found.publisher in {None, whole.publisher}


def test_no_cut_within_the_core_is_read():
    core = _FULL.split(".", maxsplit=1)[0].rstrip("A")
    for length in range(len(core)):
        with pytest.raises(SignalUnusable):
            decode_tcf(core[:length])


_STRINGS = (_FULL, gpp({2: _FULL, 7: us_national(gpc=False)}), us_national(gpc=True))


@given(
    st.sampled_from(_STRINGS),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(ALPHABET + ".~=+/ é\0")), max_size=6),
    st.integers(0, 400),
)
def test_no_mutation_raises_anything_but_the_promised_error(text, changes, cut):
    mutated = list(text)
    for place, character in changes:
        mutated[place % len(mutated)] = character
    _survives("".join(mutated))
    _survives("".join(mutated)[:cut])


@given(st.text(max_size=300) | st.text(alphabet=ALPHABET + ".~", max_size=300))
def test_no_text_raises_anything_but_the_promised_error(text):
    _survives(text)
    _survives("C" + text)
    _survives("D" + text)


def _survives(text):
    rules = ConsentRules(vendor=755, without_opt_out=frozenset({"measurement"}))
    for decode in (decode_tcf, decode_gpp, decode_us_national, lambda t: permitted(t, rules)):
        with suppress(SignalUnusable):
            decode(text)


def _core(*, tail="0" * 12, first="0" * 16 + "0"):
    """The fixed part of an empty string, then both sets of vendors, then `tail`."""
    head = number(2, 6) + number(0, 72) + number(0, 12 + 12 + 6) + "000100001101"
    head += number(0, 12) + number(5, 6) + "10" + number(0, 12 + 24 + 24) + "0" + "000011000100"
    return base64url(head + first + "0" * 17 + tail)


def _endless():
    """A restriction that announces 4,095 ranges and has none."""
    return _core(tail=number(1, 12) + number(7, 6) + "00" + number(4_095, 12))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NoConsent.NO_STRING),
        ("BO" + "A" * 40, NoConsent.UNKNOWN_VERSION),
        ("A", NoConsent.UNKNOWN_VERSION),
        ("E" * 50, NoConsent.UNKNOWN_VERSION),
        (tcf(version=3), NoConsent.UNKNOWN_VERSION),
        (_FULL + "=", NoConsent.MALFORMED),
        (_FULL + "\n", NoConsent.MALFORMED),
        (_FULL.replace(".", "..", 1), NoConsent.MALFORMED),
        (f"{_FULL}.{_FULL.split('.')[1]}", NoConsent.MALFORMED),
        (f"{_FULL}.{base64url('100' + '0' * 17)}", NoConsent.MALFORMED),
        (_FULL.split(".", maxsplit=1)[0] + "B", NoConsent.MALFORMED),
        (tcf(created_s=UPDATED_S + 1), NoConsent.MALFORMED),
        (
            _core(first=number(9, 16) + "1" + number(1, 12) + "0" + number(10, 16)),
            NoConsent.MALFORMED,
        ),
        (
            _core(first=number(9, 16) + "1" + number(1, 12) + "0" + number(0, 16)),
            NoConsent.MALFORMED,
        ),
        (
            _core(first=number(9, 16) + "1" + number(1, 12) + "1" + number(8, 16) + number(7, 16)),
            NoConsent.MALFORMED,
        ),
        (_core(tail=number(1, 12) + number(7, 6) + "11" + number(0, 12)), NoConsent.MALFORMED),
        (_core(tail=number(1, 12) + number(25, 6) + "00" + number(0, 12)), NoConsent.MALFORMED),
        (_endless(), NoConsent.MALFORMED),
        ("C" * (MAX_CHARACTERS + 1), NoConsent.TOO_LONG),
        ("DBABMA", NoConsent.MALFORMED),
        ("DBABMA~", NoConsent.MALFORMED),
        (f"DBABMA~{_FULL}~{_FULL}", NoConsent.MALFORMED),
        ("DCAA", NoConsent.UNKNOWN_VERSION),
        ("D" + "_" * 40, NoConsent.UNKNOWN_VERSION),
        ("DBAA", NoConsent.NO_KNOWN_SECTION),
        (gpp({6: "1YNN"}), NoConsent.NO_KNOWN_SECTION),
        (gpp({7: us_national() + ".QA.QA"}), NoConsent.MALFORMED),
        (gpp({7: us_national() + ".IA"}), NoConsent.MALFORMED),
        (gpp({7: us_national(opt_outs=(3, 0, 0))}), NoConsent.MALFORMED),
    ],
)
def test_what_is_no_signal_is_refused_with_its_reason(text, reason):
    with pytest.raises(SignalUnusable) as caught:
        permitted(text, ConsentRules(vendor=755))
    assert caught.value.reason is reason
    assert text[:8] not in str(caught.value) or not text


def test_the_empty_core_of_the_refusals_above_is_itself_well_formed():
    """Otherwise they would be refused for another fault than theirs."""
    found = decode_tcf(_core())
    assert (found.language, found.publisher_country, found.restrictions) == ("EN", "DE", ())
