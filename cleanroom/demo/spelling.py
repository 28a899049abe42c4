"""One identifier in the many spellings that real lists have; must not know how they are undone.

All people are made up: the addresses count upwards, and the phone prefixes are not assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cleanroom.demo.dice import Dice, Flags, Ints, chance, picks

_FIRST = ("alina", "boris", "dina", "egor", "inna", "lev", "mila", "oleg", "rita", "timur")
_LAST = ("abakov", "belov", "gromov", "demin", "zimin", "kotov", "lunin", "orlin", "savin", "tokar")
_DOMAINS = ("gmail.com", "example.com", "example.org", "mail.example.net")

_BAD_EMAILS = ("n/a", "-", "no e-mail", "unknown at example", "@example.com", "test@", "a b@c d")
_BAD_PHONES = ("0", "12345", "no phone", "+7 9", "8 (9", "see e-mail", "---")

Spelling = Callable[[str], str]


def email_of(person: int, domain: int) -> str:
    """Return the address of a person in its one normal form."""
    first, last = _FIRST[person % 10], _LAST[person // 10 % 10]
    dot = "" if _DOMAINS[domain] == "gmail.com" else "."
    return f"{first}{dot}{last}{dot}demo{person}@{_DOMAINS[domain]}"


def other_email_of(person: int) -> str:
    """Return the second address of a person."""
    return f"{_LAST[person // 10 % 10]}-demo{person}@work.example.com"


def emails_of(dice: Dice, people: int) -> list[str]:
    """Return a first address for each of the first `people` persons."""
    domains = picks(dice, people, (0.4, 0.3, 0.2, 0.1))
    return [email_of(person, int(domain)) for person, domain in enumerate(domains)]


def phone_of(person: int) -> str:
    """Return the phone of a person in E.164, different for the first ten million."""
    # 7919 has no factor in common with 10^7, so the last seven digits are a permutation.
    return f"+794{3 + person % 6}{person * 7919 % 10**7:07d}"


def spell_emails(dice: Dice, emails: Sequence[str]) -> list[str]:
    """Return each address in some spelling of it; an empty one stays empty."""
    return _spelled(emails, _EMAIL_SPELLINGS, picks(dice, len(emails), _EMAIL_WEIGHTS))


def spell_phones(dice: Dice, phones: Sequence[str]) -> list[str]:
    """Return each E.164 number in some spelling of it; an empty one stays empty."""
    return _spelled(phones, _PHONE_SPELLINGS, picks(dice, len(phones), _PHONE_WEIGHTS))


def spoil_emails(dice: Dice, texts: Sequence[str], share: float) -> tuple[list[str], Flags]:
    """Return the texts, a share of them replaced by rubbish, and which."""
    return _spoiled(dice, texts, share, _BAD_EMAILS)


def spoil_phones(dice: Dice, texts: Sequence[str], share: float) -> tuple[list[str], Flags]:
    """Return the texts, a share of them replaced by rubbish, and which."""
    return _spoiled(dice, texts, share, _BAD_PHONES)


def _spoiled(
    dice: Dice, texts: Sequence[str], share: float, rubbish: Sequence[str]
) -> tuple[list[str], Flags]:
    bad = chance(dice, len(texts), share)
    which = dice.integers(0, len(rubbish), len(texts))
    return [rubbish[which[i]] if bad[i] else text for i, text in enumerate(texts)], bad


def _spelled(texts: Sequence[str], spellings: Sequence[Spelling], which: Ints) -> list[str]:
    return [spellings[int(w)](text) if text else "" for text, w in zip(texts, which, strict=True)]


def _dotted(email: str) -> str:
    """Write dots and a suffix into a Gmail address, which ignores both; change no other."""
    local, _, domain = email.partition("@")
    if domain != "gmail.com":
        return email
    return f"{local[:3]}.{local[3:5]}.{local[5:]}+shop@{domain}"


def _titled(email: str) -> str:
    local, _, domain = email.partition("@")
    return f"{local.title()}@{domain.title()}"


def _groups(phone: str) -> tuple[str, str, str, str]:
    national = phone.removeprefix("+7")
    return national[:3], national[3:6], national[6:8], national[8:]


def _trunk(phone: str) -> str:
    return "8 ({}) {}-{}-{}".format(*_groups(phone))


def _international(phone: str) -> str:
    return "+7 {} {}-{}-{}".format(*_groups(phone))


_EMAIL_SPELLINGS: tuple[Spelling, ...] = (
    str,
    str.upper,
    _titled,
    lambda email: f"  {email} ",
    lambda email: f"{email}\u00a0",
    _dotted,
    lambda email: _dotted(email).upper(),
)
_EMAIL_WEIGHTS = (0.48, 0.10, 0.12, 0.08, 0.02, 0.15, 0.05)

_PHONE_SPELLINGS: tuple[Spelling, ...] = (
    str,
    _trunk,
    _international,
    lambda phone: _trunk(phone).replace("(", "").replace(")", "").replace("-", " "),
    lambda phone: phone.removeprefix("+"),
    lambda phone: f" {_international(phone).replace(' ', '  ')}  ",
    lambda phone: _international(phone).replace(" ", "\u00a0"),
    lambda phone: "8" + phone.removeprefix("+7"),
)
_PHONE_WEIGHTS = (0.40, 0.20, 0.14, 0.08, 0.07, 0.04, 0.03, 0.04)
