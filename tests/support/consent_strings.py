"""Writes TCF v2, GPP and US national strings by their specifications, for what reads them.

Written from the specifications alone; shares no code with the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
DAY_S = 86_400
UPDATED_S = 1_780_272_000  # 2026-06-01: TCF 2.3 is mandatory
FIBONACCI = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597)


def base64url(bits: str) -> str:
    """Six bits a character, filled with zeros to whole bytes first, as published strings are."""
    bits += "0" * (-len(bits) % 8)
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))


def number(value: int, bits: int) -> str:
    assert 0 <= value < 1 << bits
    return f"{value:0{bits}b}"


def field(ids: Iterable[int], bits: int) -> str:
    chosen = set(ids)
    return "".join("1" if n in chosen else "0" for n in range(1, bits + 1))


def letters(text: str) -> str:
    return "".join(number(ord(letter) - ord("A"), 6) for letter in text)


def ranges(pairs: Sequence[tuple[int, int]]) -> str:
    parts = [number(len(pairs), 12)]
    for first, last in pairs:
        single = first == last
        parts.append("0" + number(first, 16) if single else "1" + number(first, 16))
        parts.append("" if single else number(last, 16))
    return "".join(parts)


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Consecutive ids as (first, last)."""
    found: list[tuple[int, int]] = []
    for n in sorted(set(ids)):
        if found and found[-1][1] == n - 1:
            found[-1] = (found[-1][0], n)
        else:
            found.append((n, n))
    return found


def vendors(ids: Iterable[int], *, by_range: bool = False) -> str:
    chosen = sorted(set(ids))
    most = chosen[-1] if chosen else 0
    body = "1" + ranges(runs(chosen)) if by_range else "0" + field(chosen, most)
    return number(most, 16) + body


def tcf(
    *,
    updated_s: int = UPDATED_S,
    created_s: int | None = None,
    consents: Iterable[int] = (),
    interests: Iterable[int] = (),
    vendor_consents: Iterable[int] = (),
    vendor_interests: Iterable[int] = (),
    restrictions: Sequence[tuple[int, int, Iterable[int]]] = (),
    disclosed: Iterable[int] | None = None,
    publisher: tuple[Iterable[int], Iterable[int]] | None = None,
    custom: tuple[int, Iterable[int], Iterable[int]] = (0, (), ()),
    features: Iterable[int] = (),
    service_specific: bool = True,
    policy_version: int = 5,
    by_range: bool = False,
    version: int = 2,
) -> str:
    """A string of whose vendors and purposes only those named are permitted.

    `restrictions` are (TCF purpose, kind, vendors); `custom` the publisher's own purposes as
    (how many, consents, interests).
    """
    core = [
        number(version, 6),
        number((updated_s if created_s is None else created_s) * 10, 36),
        number(updated_s * 10, 36),
        number(92, 12) + number(3, 12) + number(1, 6) + letters("EN"),
        number(51, 12) + number(policy_version, 6),
        "1" if service_specific else "0",
        "0" + field(features, 12),
        field(consents, 24) + field(interests, 24),
        "0" + letters("DE"),
        vendors(vendor_consents, by_range=by_range),
        vendors(vendor_interests, by_range=by_range),
        number(len(restrictions), 12),
    ]
    for purpose, kind, ids in restrictions:
        core.append(number(purpose, 6) + number(kind, 2) + ranges(runs(ids)))
    segments = [base64url("".join(core))]
    if disclosed is not None:
        segments.append(base64url("001" + vendors(disclosed, by_range=by_range)))
    if publisher is not None:
        count, own, own_interests = custom
        fields = field(publisher[0], 24) + field(publisher[1], 24)
        fields += number(count, 6) + field(own, count) + field(own_interests, count)
        segments.append(base64url("011" + fields))
    return ".".join(segments)


def fibonacci(value: int) -> str:
    """Zeckendorf's sum, least term first, and a one behind it."""
    terms = [term for term in FIBONACCI if term <= value]
    bits = ["0"] * len(terms)
    for place in reversed(range(len(terms))):
        if terms[place] <= value:
            value -= terms[place]
            bits[place] = "1"
    return "".join(bits) + "1"


def gpp(sections: Mapping[int, str]) -> str:
    """A string of sections by their ids."""
    last, body = 0, []
    for first, end in runs(sections):
        group = first != end
        body.append(("1" if group else "0") + fibonacci(first - last))
        body.append(fibonacci(end - first) if group else "")
        last = end
    header = number(3, 6) + number(1, 6) + number(len(runs(sections)), 12) + "".join(body)
    return "~".join([base64url(header), *(sections[n] for n in sorted(sections))])


def us_national(
    *,
    notices: Sequence[int] = (1, 1, 1, 1, 0, 0),
    opt_outs: Sequence[int] = (2, 2, 2),
    sensitive: Sequence[int] = (0,) * 16,
    children: Sequence[int] = (0, 0, 0),
    gpc: bool | None = None,
) -> str:
    """The section of a person who was told and did not opt out."""
    answers = (*notices, *opt_outs, *sensitive, *children, 0, 1, 0, 0)
    core = base64url(number(1, 6) + "".join(number(each, 2) for each in answers))
    return core if gpc is None else f"{core}.{base64url('01' + ('1' if gpc else '0'))}"
