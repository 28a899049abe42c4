"""A GPP string taken apart: its header, and the US national section; knows no purposes.

Other sections are carried as text: what is not understood permits nothing and forbids nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cleanroom_client.consent.bits import Bits
from cleanroom_client.consent.signals import NoConsent, SignalUnusable, malformed

TCF_EU, US_NATIONAL = 2, 7  # section ids
_HEADER_TYPE, _VERSION = 3, 1
_MAX_SECTION = 1_000
_NOTICES, _GPC_KIND = 6, 1
# (sensitive data, known children): 12 and 2 before October 2024, 16 and 3 since; the length tells.
_FIELDS = ((16, 3), (12, 2))
_FIXED_BITS = 6 + 2 * (_NOTICES + 3 + 4)


class Answer(IntEnum):
    """What two bits of a US section say ([USNAT])."""

    NOT_APPLICABLE = 0
    YES = 1
    NO = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class UsNational:
    """The US national section; YES to an opt-out means that the person opted out.

    `notices` are sharing, sale, sharing opt-out, targeted advertising, sensitive data and limited
    use. In `children` and `sensitive` YES is no consent and NO is consent, as is `personal`.
    """

    notices: tuple[Answer, ...]
    sale_opt_out: Answer
    sharing_opt_out: Answer
    targeted_opt_out: Answer
    sensitive: tuple[Answer, ...]
    children: tuple[Answer, ...]
    personal: Answer
    gpc: bool = False

    @property
    def opt_outs(self) -> tuple[Answer, Answer, Answer]:
        """Sale, sharing and targeted advertising."""
        return self.sale_opt_out, self.sharing_opt_out, self.targeted_opt_out


def decode_gpp(text: str) -> dict[int, str]:
    """Return each section's text by its id; raises SignalUnusable, and nothing else."""
    header, *sections = text.split("~", _MAX_SECTION)
    bits = Bits(header)
    if bits.integer(6) != _HEADER_TYPE or bits.integer(6) != _VERSION:
        raise SignalUnusable(NoConsent.UNKNOWN_VERSION)
    ids = _section_ids(bits)
    bits.finish()
    if len(ids) != len(sections):
        raise malformed()
    return dict(zip(ids, sections, strict=True))


def _section_ids(bits: Bits) -> list[int]:
    """Read a range in Fibonacci coding: ascending ids, each an offset to the one before ([GPP])."""
    found: list[int] = []
    last = 0
    for _ in range(bits.integer(12)):
        is_group = bits.boolean()
        first = last + bits.fibonacci()
        last = first + (bits.fibonacci() if is_group else 0)
        if last > _MAX_SECTION:
            raise malformed()
        found.extend(range(first, last + 1))
    return found


def decode_us_national(text: str) -> UsNational:
    """Return the section's content; raises SignalUnusable, and nothing else."""
    core, *others = text.split(".", 2)
    bits = Bits(core)
    sensitive, children = _lengths(len(core) * 6)
    if bits.integer(6) != 1:
        raise SignalUnusable(NoConsent.UNKNOWN_VERSION)
    found = UsNational(
        notices=_answers(bits, _NOTICES),
        sale_opt_out=_answer(bits),
        sharing_opt_out=_answer(bits),
        targeted_opt_out=_answer(bits),
        sensitive=_answers(bits, sensitive),
        children=_answers(bits, children),
        personal=_answer(bits),
        gpc=_gpc(others),
    )
    _answers(bits, 3)  # three statements of the signatories' agreement, about no person
    bits.finish()
    return found


def _lengths(bits: int) -> tuple[int, int]:
    """Return how many answers about sensitive data and about children that many bits hold."""
    for sensitive, children in _FIELDS:
        if bits >= _FIXED_BITS + 2 * (sensitive + children):
            return sensitive, children
    raise malformed()


def _answer(bits: Bits) -> Answer:
    value = bits.integer(2)
    if value not in tuple(Answer):
        raise malformed()
    return Answer(value)


def _answers(bits: Bits, count: int) -> tuple[Answer, ...]:
    return tuple(_answer(bits) for _ in range(count))


def _gpc(subsections: list[str]) -> bool:
    if not subsections:
        return False
    if len(subsections) > 1:
        raise malformed()
    bits = Bits(subsections[0])
    if bits.integer(2) != _GPC_KIND:
        raise malformed()
    found = bits.boolean()
    bits.finish()
    return found
