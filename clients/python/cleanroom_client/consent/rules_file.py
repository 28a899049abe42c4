"""The owner's consent rules as a file: TOML with a version, unknown keys refused; knows no strings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from cleanroom_client.consent.rules import DEFAULT_PURPOSES, MAX_AGE_DAYS, VERSION, ConsentRules
from cleanroom_client.tables.errors import BadInput, WrongValue

_KEYS = (
    "version", "vendor", "publisher", "purposes",
    "legitimate_interest", "flexible", "without_opt_out", "max_age_days",
)  # fmt: skip


def load_rules(path: Path | str) -> ConsentRules:
    """Read a rules file; raises BadInput naming the file and the first key at fault."""
    path = Path(path)
    values = _read(path)
    try:
        return _rules(values)
    except ValueError as error:
        raise BadInput(str(error), file=str(path)) from None


def _read(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"the consent rules cannot be read: {error.strerror}"
        raise BadInput(message, file=str(path)) from None
    except UnicodeDecodeError:
        raise BadInput("the consent rules are not UTF-8 text", file=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        message = f"the consent rules are not valid TOML: {error}"
        raise BadInput(message, file=str(path)) from None
    if document.get("version") != VERSION:
        raise BadInput(f'version: expected version = "{VERSION}"', file=str(path))
    if unknown := sorted(set(document) - set(_KEYS)):
        message = f"unknown key {unknown[0]!r}: known are {', '.join(_KEYS)}"
        raise BadInput(message, file=str(path))
    return document


def _rules(values: Mapping[str, object]) -> ConsentRules:
    return ConsentRules(
        vendor=_holder(values),
        purposes=_purposes(values.get("purposes")),
        legitimate_interest=_ids("legitimate_interest", values.get("legitimate_interest", [])),
        flexible=_ids("flexible", values.get("flexible", [])),
        without_opt_out=_names(values.get("without_opt_out", [])),
        max_age_days=_whole("max_age_days", values.get("max_age_days", MAX_AGE_DAYS)),
    )


def _holder(values: Mapping[str, object]) -> int | None:
    """Return the vendor, or None for the publisher: exactly one of them must be declared."""
    publisher = values.get("publisher", False)
    if not isinstance(publisher, bool) or publisher == ("vendor" in values):
        raise WrongValue(
            "declare one of vendor = 755, your id on the Global Vendor List, and publisher = true"
        )
    return None if publisher else _whole("vendor", values["vendor"])


def _purposes(table: object) -> Mapping[str, frozenset[int]]:
    match table:
        case None:
            return DEFAULT_PURPOSES
        case dict():
            return {name: _ids(f"purposes.{name}", ids) for name, ids in table.items()}
        case _:
            raise WrongValue("purposes: expected a table, as in measurement = [7, 9]")


def _ids(key: str, value: object) -> frozenset[int]:
    if not isinstance(value, list):
        raise WrongValue(f"{key}: expected a list of TCF purposes, as in [7, 9]")
    return frozenset(_whole(key, item) for item in value)


def _names(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValue('without_opt_out: expected a list of purposes, as in ["measurement"]')
    return frozenset(value)


def _whole(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongValue(f"{key}: expected a whole number")
    return value
