"""Entries in words for people; must not know a terminal or where entries are kept.

`sentence` says what happened; `facts` leaves nothing out. Text of an entry is passed on as it
stands: whoever prints it makes it harmless for its medium.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from cleanroom.audit.choice import datasets_of, debits_of
from cleanroom.audit.encoding import Json
from cleanroom.audit.entry import Entry, EntryKind

_SHORT: Final = 12  # of a digest's 64 digits
_DIGEST: Final = 64
_NANO_DIGITS: Final = 9
_LABELS: Final = {
    "question_digest": "question",
    "policy_digest": "policy",
    "measurement_commitment": "commitment to the measurement",
    "reserved_entry": "reserved in entry",
    "epoch_s": "consents as of",
    "nano_rho": "loss in nano-rho",
    "file_digest": "digest of the encrypted files",
    "key_type": "key type",
    "fingerprint": "digest of the request",
    "why": "why",
}


def sentence(entry: Entry) -> str:
    """Return one short sentence on what the entry says; digests are shortened."""
    match entry.kind:
        case EntryKind.QUESTION_RESERVED:
            return _reserved(entry)
        case EntryKind.QUESTION_RELEASED:
            return f"answered question {_of(entry, 'question_digest')}"
        case EntryKind.QUESTION_REPEATED:
            return f"had question {_of(entry, 'question_digest')} answered again, free of charge"
        case EntryKind.QUESTION_REFUSED:
            return f"refused {_of(entry, 'family')}: {_of(entry, 'reason')}{_why(entry)}"
        case EntryKind.QUESTION_FAILED:
            return f"failed question {_of(entry, 'question_digest')}: {_of(entry, 'why')}"
        case _:
            return _of_data(entry)


def _of_data(entry: Entry) -> str:
    dataset = _of(entry, "dataset")
    match entry.kind:
        case EntryKind.VERSION_SEALED:
            return f"sealed {dataset} as {_of(entry, 'version')}"
        case EntryKind.VERSION_ERASED:
            return f"erased {_of(entry, 'version')} of {dataset}"
        case EntryKind.VERSION_COMPACTED:
            became = f"{_of(entry, 'predecessor')} became {_of(entry, 'version')}"
            return f"removed people who withdrew from {dataset}: {became}"
        case EntryKind.CONSENT_WITHDRAWN:
            return f"withdrew {_of(entry, 'references')} references from {dataset}"
        case EntryKind.UPLOAD_STARTED:
            return f"began {_of(entry, 'upload')} to {dataset}"
        case _:
            return _rest(entry)


def _reserved(entry: Entry) -> str:
    paid = ", ".join(
        f"{rho_text(debit.get('nano_rho'))} rho of {owner}/{pool}"
        for owner, pool, debit in debits_of(entry)
    )
    about = f" of {', '.join(datasets_of(entry))}" if datasets_of(entry) else ""
    return f"asked {_of(entry, 'family')}{about} for {paid or 'nothing'}"


def _rest(entry: Entry) -> str:
    """Every other kind in its own words: what its fields are called says enough."""
    return ", ".join(f"{key} {short(value)}" for key, value in entry.fields.items())


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield (label, text) for everything the entry says, its salt too, digests in full."""
    yield "kind", entry.kind.value
    yield "time", when(entry.time_s)
    yield "actor", entry.actor
    yield "collaboration", entry.collaboration or "none in particular"
    for key, value in entry.fields.items():
        yield from _fact(key, value)
    yield "salt", entry.salt.hex()


def _fact(key: str, value: Json) -> Iterator[tuple[str, str]]:
    label = _LABELS.get(key, key.replace("_", " "))
    match key, value:
        case "epoch_s", int():
            yield label, when(value)
        case "versions", list() | tuple():
            yield from (("dataset and version", _full(pair)) for pair in value)
        case "debits", list() | tuple():
            yield from (("debit", _debit(one)) for one in value)
        case _:
            yield label, _full(value)


def _debit(value: Json) -> str:
    if not isinstance(value, Mapping) or not {"ledger", "nano_rho"} <= set(value):
        return _full(value)
    cost = f"{_full(value['ledger'])} pays rho {rho_text(value['nano_rho'])}"
    return f"{cost}, {rho_text(value.get('remaining'))} remain"


def rho_text(nano_rho: Json) -> str:
    """Return nano-rho as exact decimal text of rho; large ones stand in entries as text."""
    try:
        number = int(nano_rho) if isinstance(nano_rho, int | str) else None
    except ValueError:
        number = None
    if number is None or number < 0:
        return short(nano_rho)
    whole, rest = divmod(number, 10**_NANO_DIGITS)
    return f"{whole}.{rest:0{_NANO_DIGITS}d}".rstrip("0").removesuffix(".")


def when(time_s: int) -> str:
    """Return unix seconds in ISO 8601, UTC; as they stand when no calendar has them."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(time_s)


def short(value: Json) -> str:
    """Return any field's value on one line, digests cut to twelve digits."""
    if isinstance(value, str):
        return f"{value[:_SHORT]}…" if is_digest(value) else value
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{key} {short(one)}" for key, one in value.items()) + ")"
    if isinstance(value, list | tuple):
        return " ".join(short(one) for one in value)
    return json.dumps(value)


def is_digest(text: str) -> bool:
    """Return whether it is 64 hexadecimal digits."""
    return len(text) == _DIGEST and all(c in "0123456789abcdef" for c in text)


def _why(entry: Entry) -> str:
    """Return why, where that is still kept beside the entry."""
    return f": {_of(entry, 'why')}" if "why" in entry.fields else ""


def _of(entry: Entry, key: str) -> str:
    return short(entry.fields.get(key, "?"))


def _full(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(_full(one) for one in value)
    return json.dumps(value, ensure_ascii=False)
