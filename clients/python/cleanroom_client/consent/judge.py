"""What one consent string permits under an owner's rules; must not know tables or policies.

Requires nothing of the text. Ensures that whatever is malformed, outdated, objected to or not
said permits nothing, and that several sections of one string permit only what each of them does.
Does not verify who wrote the string, nor that the vendor registered what the rules say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from cleanroom_client.consent.gpp import (
    TCF_EU,
    US_NATIONAL,
    Answer,
    UsNational,
    decode_gpp,
    decode_us_national,
)
from cleanroom_client.consent.rules import CONSENT_ONLY, ConsentRules
from cleanroom_client.consent.signals import NoConsent, SignalUnusable
from cleanroom_client.consent.tcf import Restriction, TcString, decode_tcf
from cleanroom_client.tables.spec import Basis

MAX_CHARACTERS = 2**15  # published strings have some two thousand
_FIRST_2_2_POLICY = 4


def _day(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


# "Post 30 September 2023 a TC String created with a policy version smaller than 4 will be deemed
# invalid." [TCF]
_POLICY_4_FROM_S = _day(2023, 10, 1)
# TCF 2.3 made the segment of disclosed vendors mandatory, for new strings from this day on.
_DISCLOSED_FROM_S = _day(2026, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """The bases on which each purpose may be used, and since when (unix seconds; 0: not said)."""

    purposes: dict[str, Basis]
    since_s: int


def permitted(text: str, rules: ConsentRules) -> Permitted:
    """Return what a TCF v2 or GPP string permits; raises SignalUnusable if that is nothing."""
    if not text:
        raise SignalUnusable(NoConsent.NO_STRING)
    if len(text) > MAX_CHARACTERS:
        raise SignalUnusable(NoConsent.TOO_LONG)
    if not text.startswith("D"):  # the first six bits of a GPP header are 3 [GPP]
        return _by_tcf(decode_tcf(text), rules)
    sections = list(_by_sections(decode_gpp(text), rules))
    if not sections:
        raise SignalUnusable(NoConsent.NO_KNOWN_SECTION)
    return reduce(_both, sections)


def _by_sections(sections: dict[int, str], rules: ConsentRules) -> Iterator[Permitted]:
    if TCF_EU in sections:
        yield _by_tcf(decode_tcf(sections[TCF_EU]), rules)
    if US_NATIONAL in sections:
        yield _by_us_national(decode_us_national(sections[US_NATIONAL]), rules)


def _both(one: Permitted, other: Permitted) -> Permitted:
    common = {name: basis for name, basis in one.purposes.items() if name in other.purposes}
    if not common:
        raise SignalUnusable(NoConsent.NOTHING_GRANTED)
    purposes = {name: weaker((basis, other.purposes[name])) for name, basis in common.items()}
    return Permitted(purposes=purposes, since_s=max(one.since_s, other.since_s))


def weaker(bases: Collection[Basis]) -> Basis:
    """Return consent if all are; else the other one."""
    return next((b for b in bases if b is not Basis.CONSENT), Basis.CONSENT)


def _by_tcf(found: TcString, rules: ConsentRules) -> Permitted:
    # 1. The string is one that counts at all.
    if not found.is_service_specific:  # invalid since 1 September 2021 [TCF]
        raise SignalUnusable(NoConsent.GLOBAL_SCOPE)
    if found.updated_s >= _POLICY_4_FROM_S and found.policy_version < _FIRST_2_2_POLICY:
        raise SignalUnusable(NoConsent.OUTDATED_POLICY)
    # 2. It speaks of the holder of the data.
    _check_disclosed(found, rules.vendor)
    # 3. Each purpose needs every TCF purpose that the rules name.
    bases = {n: _basis(found, rules, n) for ids in rules.purposes.values() for n in ids}
    purposes: dict[str, Basis] = {}
    for name, ids in rules.purposes.items():
        needed = [bases[n] for n in ids]
        if None not in needed:
            purposes[name] = weaker([basis for basis in needed if basis is not None])
    if not purposes:
        raise SignalUnusable(NoConsent.NOTHING_GRANTED)
    return Permitted(purposes=purposes, since_s=found.updated_s)


def _check_disclosed(found: TcString, vendor: int | None) -> None:
    if vendor is None:
        if found.publisher is None:
            raise SignalUnusable(NoConsent.NO_PUBLISHER_SEGMENT)
        return
    mandatory = found.updated_s >= _DISCLOSED_FROM_S
    if (found.disclosed is None and mandatory) or (
        found.disclosed is not None and vendor not in found.disclosed
    ):
        raise SignalUnusable(NoConsent.VENDOR_NOT_DISCLOSED)


def _basis(found: TcString, rules: ConsentRules, purpose: int) -> Basis | None:
    """Return the basis that the holder has for a TCF purpose, or None.

    The registered basis rules; a publisher may restrict a vendor to the other one, which counts
    where the purpose is registered as flexible. [TCF], publisher restrictions.
    """
    by_interest = purpose in rules.legitimate_interest
    if rules.vendor is not None:
        kinds = {
            r.kind for r in found.restrictions if r.purpose == purpose and rules.vendor in r.vendors
        }
        if _contradict(kinds, by_interest=by_interest, flexible=purpose in rules.flexible):
            return None
        if Restriction.REQUIRE_CONSENT in kinds:
            by_interest = False
        elif Restriction.REQUIRE_LEGITIMATE_INTEREST in kinds:
            by_interest = True
    if by_interest:
        return Basis.LEGITIMATE_INTEREST if _interest(found, rules.vendor, purpose) else None
    return Basis.CONSENT if _consent(found, rules.vendor, purpose) else None


def _contradict(kinds: set[Restriction], *, by_interest: bool, flexible: bool) -> bool:
    """Tell whether the restrictions leave the holder no basis for the purpose."""
    if Restriction.NOT_ALLOWED in kinds or len(kinds) > 1:
        return True
    other = Restriction.REQUIRE_CONSENT if by_interest else Restriction.REQUIRE_LEGITIMATE_INTEREST
    return other in kinds and not flexible


def _consent(found: TcString, vendor: int | None, purpose: int) -> bool:
    if vendor is None:
        return found.publisher is not None and purpose in found.publisher.consents
    return purpose in found.consents and vendor in found.vendor_consents


def _interest(found: TcString, vendor: int | None, purpose: int) -> bool:
    if purpose in CONSENT_ONLY:
        return False
    if vendor is None:
        return found.publisher is not None and purpose in found.publisher.legitimate_interests
    return purpose in found.legitimate_interests and vendor in found.vendor_legitimate_interests


def _by_us_national(found: UsNational, rules: ConsentRules) -> Permitted:
    """Return what a person permits who was told and did not opt out: a notice must be there.

    The section carries no time. A right to object that is not used is no consent: the basis is a
    legitimate interest, which a policy must accept by name.
    """
    if found.gpc:
        raise SignalUnusable(NoConsent.GLOBAL_PRIVACY_CONTROL)
    if Answer.YES in (*found.opt_outs, *found.children):  # to children, YES is "no consent"
        raise SignalUnusable(NoConsent.OPTED_OUT)
    if Answer.NO in found.notices or Answer.NO not in found.opt_outs:
        raise SignalUnusable(NoConsent.NO_NOTICE)
    if not rules.without_opt_out:
        raise SignalUnusable(NoConsent.NOTHING_GRANTED)
    basis = Basis.LEGITIMATE_INTEREST
    return Permitted(purposes=dict.fromkeys(sorted(rules.without_opt_out), basis), since_s=0)
