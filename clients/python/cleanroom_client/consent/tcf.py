"""A TCF v2 string as a value, field by field; must not know whose consent is asked for.

Does not verify who wrote the string: it is not signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cleanroom_client.consent.bits import Bits
from cleanroom_client.consent.signals import NoConsent, SignalUnusable, malformed
from cleanroom_client.consent.vendors import Vendors, read_ranges, read_vendors

VERSION = 2
PURPOSES = 24  # bits of a field of purposes
_SPECIAL_FEATURES = 12
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3
_SEGMENTS = 4  # the core and one of each kind


class Restriction(IntEnum):
    """What a publisher restricts a vendor's purpose to."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_LEGITIMATE_INTEREST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherRestriction:
    """A restriction of one purpose for some vendors."""

    purpose: int
    kind: Restriction
    vendors: Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherTc:
    """What the person agreed to for the publisher itself."""

    consents: frozenset[int]
    legitimate_interests: frozenset[int]
    custom_consents: frozenset[int]
    custom_legitimate_interests: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcString:
    """All fields of the core string and the segments behind it; times are unix seconds.

    Purposes, features and vendors are sets of ids.
    """

    created_s: int
    updated_s: int
    cmp: int
    cmp_version: int
    screen: int
    language: str
    vendor_list_version: int
    policy_version: int
    is_service_specific: bool
    use_non_standard_texts: bool
    special_features: frozenset[int]
    consents: frozenset[int]
    legitimate_interests: frozenset[int]
    purpose_one_treatment: bool
    publisher_country: str
    vendor_consents: Vendors
    vendor_legitimate_interests: Vendors
    restrictions: tuple[PublisherRestriction, ...]
    disclosed: Vendors | None = None
    allowed: Vendors | None = None
    publisher: PublisherTc | None = None


def decode_tcf(text: str) -> TcString:
    """Return the string's content; raises SignalUnusable, and nothing else."""
    core, *others = text.split(".", _SEGMENTS)
    segments = _segments(others)
    bits = Bits(core)
    if bits.integer(6) != VERSION:
        raise SignalUnusable(NoConsent.UNKNOWN_VERSION)
    # The order of the arguments is that of the bits. [TCF], the core string.
    found = TcString(
        created_s=bits.seconds(),
        updated_s=bits.seconds(),
        cmp=bits.integer(12),
        cmp_version=bits.integer(12),
        screen=bits.integer(6),
        language=bits.letters(2),
        vendor_list_version=bits.integer(12),
        policy_version=bits.integer(6),
        is_service_specific=bits.boolean(),
        use_non_standard_texts=bits.boolean(),
        special_features=bits.numbers(_SPECIAL_FEATURES),
        consents=bits.numbers(PURPOSES),
        legitimate_interests=bits.numbers(PURPOSES),
        purpose_one_treatment=bits.boolean(),
        publisher_country=bits.letters(2),
        vendor_consents=read_vendors(bits),
        vendor_legitimate_interests=read_vendors(bits),
        restrictions=_restrictions(bits),
        disclosed=_vendors_of(segments.get(_DISCLOSED)),
        allowed=_vendors_of(segments.get(_ALLOWED)),
        publisher=_publisher(segments.get(_PUBLISHER)),
    )
    bits.finish()
    if found.created_s > found.updated_s:
        raise malformed()
    return found


def _restrictions(bits: Bits) -> tuple[PublisherRestriction, ...]:
    return tuple(_restriction(bits) for _ in range(bits.integer(12)))


def _restriction(bits: Bits) -> PublisherRestriction:
    purpose, kind = bits.integer(6), bits.integer(2)
    if not 1 <= purpose <= PURPOSES or kind not in tuple(Restriction):
        raise malformed()
    return PublisherRestriction(purpose=purpose, kind=Restriction(kind), vendors=read_ranges(bits))


def _segments(texts: list[str]) -> dict[int, Bits]:
    """Return the bits of each segment behind its kind, which comes at most once."""
    found: dict[int, Bits] = {}
    for text in texts:
        bits = Bits(text)
        kind = bits.integer(3)
        if kind in found or kind not in {_DISCLOSED, _ALLOWED, _PUBLISHER}:
            raise malformed()
        found[kind] = bits
    return found


def _vendors_of(bits: Bits | None) -> Vendors | None:
    if bits is None:
        return None
    found = read_vendors(bits)
    bits.finish()
    return found


def _publisher(bits: Bits | None) -> PublisherTc | None:
    if bits is None:
        return None
    consents, interests = bits.numbers(PURPOSES), bits.numbers(PURPOSES)
    custom = bits.integer(6)
    found = PublisherTc(
        consents=consents,
        legitimate_interests=interests,
        custom_consents=bits.numbers(custom),
        custom_legitimate_interests=bits.numbers(custom),
    )
    bits.finish()
    return found
