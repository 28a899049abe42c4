"""Columns of texts for match keys, and what becomes of them one by one."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections import Counter

import pytest
from hypothesis import strategies as st

from cleanroom_client.digests import VARIABLE, available
from cleanroom_client.identifiers import Unparseable, identity

_HASH = hashlib.sha256(b"ann@example.com")
HASHES = (_HASH.hexdigest(), base64.b64encode(_HASH.digest()).decode())


def on_every_path(test):
    """Run a test on each path of the native digests and on Python's, named `digest_path`."""

    @functools.wraps(test)
    def on_one(**arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(VARIABLE, arguments["digest_path"])
            test(**arguments)

    return pytest.mark.parametrize("digest_path", available())(on_one)


def one_by_one(kind, texts, region):
    """Return the identities that `identity` gives, and the rejects by reason."""
    found, rejects = [], Counter()
    for text in texts:
        try:
            found.append(identity(kind, text or "", region))
        except Unparseable as error:
            found.append(None)
            rejects[error.reason] += 1
    return found, dict(rejects)


_AT_EDGES = st.text(" \t\n\v\f\r\x1c\x1d\x1e\x1f\x00\x85\xa0\u200b\ufeff", max_size=3)
_SHORT = st.text("aZ9.+@-_ \x00\x1b\x7f\u00e4\u212a\u0130e\u0301", max_size=12)
_DOMAINS = st.sampled_from(
    [
        "gmail.com",
        "GMAIL.com",
        "gmail.com.",
        "xgmail.com",
        "googlemail.com",
        "b.c",
        "",
        "g@gmail.com",
    ]
)
_EMAILS = st.builds("{}{}{}".format, _SHORT, st.sampled_from(["@", "@", "@@", ""]), _DOMAINS)
_PHONES = st.from_regex(r"\+?[0-9]{8,17}|8 \(9[0-9]{2}\) [0-9]{3}-[0-9]{4}[;x]?", fullmatch=True)
_UUIDS = st.uuids().map(str) | st.uuids().map(lambda u: str(u).upper()) | st.just("0" * 36)
_NO_DEVICE = st.sampled_from(["00000000-0000-0000-0000-000000000000", "0" * 32])
_DIGESTS = st.binary(min_size=31, max_size=33).map(bytes.hex) | st.from_regex(
    r"[0-9A-Za-z+/]{42,43}[AEQgw048B=]=?", fullmatch=True
)
_NOTHING = st.sampled_from([hashlib.sha256().hexdigest(), hashlib.sha256().hexdigest().upper()])
_LONG = st.builds(
    lambda unit, n, more: unit * n + more,
    st.sampled_from(["a", " ", "\u00e4", "\U0001f600", "a@b"]),
    st.integers(50, 70) | st.integers(110, 130) | st.integers(330, 345) | st.integers(1020, 1030),
    st.sampled_from(["", "@b.c", "\u00e4"]),
)
_CORES = st.one_of(
    st.none(), st.text(max_size=30), _SHORT, _EMAILS, _PHONES, _UUIDS, _NO_DEVICE, _DIGESTS,
    _NOTHING, _LONG, st.sampled_from(HASHES), st.text("\x1f\x00 ~", max_size=5),
)  # fmt: skip
TEXTS = st.builds(
    lambda before, core, after: None if core is None else before + core + after,
    _AT_EDGES, _CORES, _AT_EDGES,
)  # fmt: skip
"""Texts near every rule's edge: blank, spaced, endless, beyond ASCII, of the wrong kind; or None."""
