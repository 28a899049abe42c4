"""The normalisation profile `uid2-2026`: one spelling for every match key; knows no hashing.

E-mails follow UID2 (unifiedid.com, "Normalization and encoding"): trim, lower-case ASCII letters,
and for gmail.com drop dots and a +suffix. Phones become E.164. Identifiers issued by a party are
trimmed and brought to Unicode NFC with their case kept, because `ab12` and `AB12` may be two cards.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from cleanroom_client.identifiers.kinds import KeyType
from cleanroom_client.identifiers.rejects import Reason, Unparseable

MAX_CHARS = 1024
# Python's strip() knows no-break spaces; these two survive copying from web pages and BOM files.
_INVISIBLE = "\u200b\ufeff"
_GAP = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")  # white space and control characters
_LETTER = re.compile(r"[^\W\d_]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_E164 = re.compile(r"\+[1-9][0-9]{9,14}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_DEVICE = "00000000-0000-0000-0000-000000000000"


def trimmed(text: str) -> str:
    """Return `text` without white space at the ends.

    Raises Unparseable: EMPTY when nothing is left, TOO_LONG above MAX_CHARS, NOT_TEXT for what
    UTF-8 cannot encode.
    """
    if len(text) > MAX_CHARS:
        raise Unparseable(Reason.TOO_LONG)
    if _SURROGATE.search(text):  # alone, they have no UTF-8
        raise Unparseable(Reason.NOT_TEXT)
    bare, before = text, None
    while bare != before:
        bare, before = bare.strip().strip(_INVISIBLE), bare
    if not bare:
        raise Unparseable(Reason.EMPTY)
    return bare


def normalise(kind: KeyType, text: str, region: str | None) -> str:
    """Return the one spelling of `text` as a key of type `kind`.

    `region` is the ISO 3166 code that phones without a country code belong to.
    Normalising twice changes nothing. Raises Unparseable.
    Does not verify that the mailbox, line or device exists.
    """
    bare = trimmed(text)
    match kind:
        case KeyType.EMAIL:
            return _email(bare)
        case KeyType.PHONE:
            return _phone(bare, region)
        case KeyType.DEVICE_ID:
            return _device_id(bare)
        case KeyType.LOYALTY_ID | KeyType.COOKIE | KeyType.EXTERNAL_ID:
            return unicodedata.normalize("NFC", bare)


def _email(bare: str) -> str:
    # bytes.lower() knows ASCII alone; str.lower() would change other letters, which UID2 does not.
    local, at, domain = bare.encode().lower().decode().partition("@")
    if domain == "gmail.com":
        local = local.partition("+")[0].replace(".", "")
    if not (local and at and domain) or "@" in domain or _GAP.search(bare):
        raise Unparseable(Reason.NOT_AN_EMAIL)
    return f"{local}@{domain}"


def _phone(bare: str, region: str | None) -> str:
    # Parsing costs tens of microseconds: a value in E.164 already is taken as it stands.
    if _E164.fullmatch(bare):
        return bare
    # phonenumbers reads letters as keypad digits, which would make numbers of arbitrary words.
    if _LETTER.search(bare):
        raise Unparseable(Reason.NOT_A_PHONE)
    try:
        number = _parsed_phone(bare, region)
    except phonenumbers.NumberParseException as error:
        raise Unparseable(_phone_reason(error, region)) from None
    # Possible, not valid: validity depends on the age of each party's numbering-plan data.
    if not _is_complete(number):
        raise Unparseable(Reason.NOT_A_PHONE)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parsed_phone(bare: str, region: str | None) -> phonenumbers.PhoneNumber:
    """Return the number; one that is invalid as a national number may lack only its plus."""
    number = phonenumbers.parse(bare, region)
    code = str(number.country_code)
    if not bare.startswith(code) or phonenumbers.is_valid_number(number):
        return number
    try:
        international = phonenumbers.parse(f"+{bare}", None)
    except phonenumbers.NumberParseException:
        return number
    same_country = international.country_code == number.country_code
    return international if same_country and _is_complete(international) else number


def _is_complete(number: phonenumbers.PhoneNumber) -> bool:
    """Tell whether the length fits; a local number without its area code does not count."""
    reason = phonenumbers.is_possible_number_with_reason(number)
    return reason == phonenumbers.ValidationResult.IS_POSSIBLE


def _phone_reason(error: phonenumbers.NumberParseException, region: str | None) -> Reason:
    lost = error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
    return Reason.NO_REGION if lost and region is None else Reason.NOT_A_PHONE


def _device_id(bare: str) -> str:
    text = bare.lower()
    if not _UUID.fullmatch(text):
        raise Unparseable(Reason.NOT_A_DEVICE_ID)
    # Phones whose owner limits tracking all report zeros: it would match them with each other.
    if text == _NO_DEVICE:
        raise Unparseable(Reason.ZERO_DEVICE_ID)
    return text
