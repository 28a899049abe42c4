"""Columns of match keys: every path gives what the reference gives value by value."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanroom_client.digests import VARIABLE, Digests, available, chosen, named, native
from cleanroom_client.identifiers import KeyColumn, columns, identities
from support.columns import HASHES, TEXTS, on_every_path, one_by_one

EVERY_BYTE = [chr(c) for c in range(128)]
CORPUS = [
    None, "", " ", "\x1c\x1f", "\x00", "a\x00b", " \x00 ", "\x85", "\u200b\ufeff", "\u00a0a@b.c\u00a0",
    "Ann.Lee@Example.COM", "a.n.n+x+y@GMAIL.com", "...+a@gmail.com", "+a@gmail.com", "@gmail.com",
    "gmail.com", "a+b@c@gmail.com", "a@b@c", "a@", "@b", "a@b", "a b@c", "a\x7f@b", "a\x1b@b", "@",
    "a@gmail.com.", "a.b@mail.gmail.com", "\u00c4A@gmail.com", "a@GMA\u0130L.com", "a@\u212aAN.com",
    "+79123456789", "+7912345678", "+791234567", "+123456789012345", "+1234567890123456", "+",
    "+09123456789", "+7912345678\u0669", "8 (912) 345-67-89", "tel:+79123456789", "79123456789",
    "+7 912 345 67 89;", "\uff18\uff19\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19", "+79123456789x",
    "38400000-8CF0-11BD-B23E-10B96E40000D", "38400000-8cf0-11bd-b23e-10b96e40000g",
    "38400000+8cf0-11bd-b23e-10b96e40000d", "38400000-8cf0-11bd-b23e0-0b96e40000d",
    "00000000-0000-0000-0000-000000000000", "0" * 36, "Cafe\u0301-7", "\u212b", "ab" * 31,
    *HASHES, HASHES[0].upper(), f" {HASHES[1]}\n", HASHES[0][:-1] + "g", HASHES[0][:-1] + "\u0665",
    HASHES[1][:-2] + "V=", HASHES[1][:-1], "A" * 43 + "=", "A" * 42 + "B=", "=" * 44, "A" * 42 + "==",
    "-" * 43 + "=", hashlib.sha256().hexdigest(), base64.b64encode(hashlib.sha256().digest()).decode(),
    *("x" * n for n in (54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 1015, 1024, 1025, 4096, 4097)),
    *("\u00e4" * n for n in (512, 513, 1024, 1025)), " " * 1023 + "a", " " * 1024, " " * 1025,
    "a@" + "b" * 1022, "a@" + "b" * 1023, "\U0001f600" * 1024, "\U0001f600" * 1025, "\u00e4" + "x" * 1024,
]  # fmt: skip


def _agree(kind, texts, column, region="RU"):
    found, rejects = identities(kind, column, region)
    assert found.type == pa.binary(32)
    found.validate(full=True)
    assert (found.to_pylist(), dict(rejects.by_reason)) == one_by_one(kind, texts, region)


@on_every_path
@pytest.mark.parametrize("kind", list(KeyColumn))
def test_a_corpus_of_edges_becomes_what_the_reference_makes_of_it(kind, digest_path):
    for region in ("RU", None):
        _agree(kind, CORPUS, pa.array(CORPUS, pa.string()), region)
        _agree(kind, CORPUS, pa.array(CORPUS, pa.large_string()), region)


@on_every_path
def test_parts_of_a_column_are_read_where_they_are(digest_path):
    whole = pa.array(CORPUS)
    for first in (1, 7, 8, 9, 30, len(CORPUS) - 1, len(CORPUS)):
        for n in (0, 1, 17, len(CORPUS)):
            _agree("email", CORPUS[first : first + n], whole.slice(first, n))
    chunks = [whole[:3], whole[3:3], whole[3:40], whole.slice(40)]
    _agree("email", CORPUS, pa.chunked_array(chunks))


@on_every_path
@pytest.mark.parametrize("kind", list(KeyColumn))
def test_every_ascii_character_at_every_place_is_judged_alike(kind, digest_path):
    cores = {
        "email": ("a@b", "a.b+c@gmail.com"),
        "phone": ("+79123456789",),
        "device_id": ("38400000-8cf0-11bd-b23e-10b96e40000d",),
    }
    texts = [
        core[:at] + c + core[at + swap :]
        for core in cores.get(kind, HASHES)
        for at in range(0, len(core) + 1, 1 if len(core) < 20 else 7)
        for c in EVERY_BYTE
        for swap in (0, 1)
    ]
    _agree(kind, texts, pa.array(texts))


@on_every_path
@given(
    kind=st.sampled_from(KeyColumn),
    texts=st.lists(TEXTS, max_size=40),
    region=st.sampled_from(["RU", None]),
)
@example(kind=KeyColumn.EMAIL, texts=[], region=None)
def test_any_column_becomes_what_the_reference_makes_of_its_values(
    kind, texts, region, digest_path
):
    _agree(kind, texts, pa.array(texts, pa.string()), region)


@on_every_path
@given(
    texts=st.lists(TEXTS, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    wide=st.booleans(),
)
def test_slices_and_chunks_are_read_at_their_place(texts, cuts, wide, digest_path):
    whole = pa.array(texts, pa.large_string() if wide else pa.string())
    for cut in cuts:
        _agree("email", texts[cut:], whole.slice(cut))
        _agree("cookie", texts[:cut], whole.slice(0, cut))
    edges = sorted(min(c, len(texts)) for c in cuts)
    chunks = [whole[a:b] for a, b in zip([0, *edges], [*edges, len(texts)], strict=True)]
    _agree("email", texts, pa.chunked_array(chunks, whole.type))


@on_every_path
def test_columns_of_other_layouts_of_text_are_read(digest_path):
    texts = ["A@b.c", None, "x", "A@b.c"]
    plain = pa.array(texts)
    for column in (
        plain.dictionary_encode(),
        plain.cast(pa.string_view()),
        pa.chunked_array([plain, []]),
    ):
        _agree("email", texts, column)
    _agree("email", [None, None], pa.nulls(2))
    _agree("email", [], pa.chunked_array([], pa.string()))
    for other in (pa.array([1]), pa.array([b"a@b.c"]), pa.array([1]).dictionary_encode()):
        with pytest.raises(TypeError, match="a column of text, not of"):
            identities("email", other, None)


@on_every_path
def test_values_of_every_length_are_hashed(digest_path):
    texts = [("ab3" * 342)[:n] for n in range(1, 1025)] * 2
    found, rejects = identities("loyalty_id", pa.array(texts), None)
    assert found.to_pylist() == [hashlib.sha256(t.encode()).digest() for t in texts]
    assert not rejects.by_reason


@on_every_path
def test_an_odd_text_goes_through_the_reference_once_in_a_call(digest_path, monkeypatch):
    asked = []

    def counting(kind, text, region):
        asked.append(text)
        return bytes(32)

    monkeypatch.setattr(columns, "identity", counting)
    odd = ["8 (912) 345-67-89", "+7 912 345 67 89"]
    chunk = pa.array([*odd, "+79123456789", None, "letters", " "] * 3)
    found, _ = identities("phone", pa.chunked_array([chunk, chunk]), "RU")
    assert asked == odd
    assert found.to_pylist().count(bytes(32)) == 12


@pytest.mark.parametrize(
    ("kind", "text"), [("email", "\t A.B+c@Gmail.com\r\n"), ("phone", "abc"), ("cookie", "\x01")]
)
@on_every_path
def test_odd_spellings_in_ascii_do_not_need_the_reference(kind, text, digest_path, monkeypatch):
    monkeypatch.setattr(columns, "identity", None)
    identities(kind, pa.array([text]), None)


def test_the_fastest_path_is_chosen_unless_another_is_named(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen() == named(available()[0])
    monkeypatch.setenv(VARIABLE, "python")
    assert chosen() is None
    monkeypatch.setenv(VARIABLE, "abacus")
    with pytest.raises(ValueError, match=r"'abacus' cannot run here: use one of auto, "):
        chosen()


@pytest.mark.skipif(len(available()) == 1, reason="the native digests are not built")
def test_buffers_of_another_size_are_refused_before_they_are_read():
    digests = Digests(available()[0])
    column = pa.array(["a@b.c"] * 9)
    for n, kind in ((8, 0), (10, 0), (9, 5), (9, -1)):
        out, status = np.zeros((n, 32), np.uint8), np.zeros(n, np.uint8)
        with pytest.raises(ValueError, match=r"size of so many|no such kind"):
            digests.identify(kind, column, out, status)
    _, offsets, data = map(bytes, [b"", *column.buffers()[1:]])
    for lying, texts in (
        (offsets, data[:44]),
        (offsets[:39], data),
        (offsets[36:] + offsets[4:], data),
        (offsets[:36] + b"\xff" * 4, data),
    ):
        sizes = (lying, texts, False, 0, 9, bytearray(32 * 9), bytearray(9))
        with pytest.raises(ValueError, match=r"size of so many|do not fit"):
            native._digests.identify(digests.path, 0, None, *sizes)
    with pytest.raises(ValueError, match="size of so many"):
        native._digests.identify(
            digests.path, 0, b"\xff", offsets, data, False, 0, 9, bytearray(32 * 9), bytearray(9)
        )
    with pytest.raises(ValueError, match="no path"):
        Digests("abacus").identify(0, column, np.zeros((9, 32), np.uint8), np.zeros(9, np.uint8))
