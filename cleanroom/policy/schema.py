"""The JSON Schema of policies for editors, made of the grammar; must not know how files are read.

What the parser checks and a schema of one value cannot say is listed in BEYOND; a test holds the
two to accept the same policies but for these.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TypeAlias

from cleanroom.policy.document import Scheme
from cleanroom.policy.grammar import (
    MAX_ENTRIES,
    Block,
    Column,
    Columns,
    Day,
    Decimal,
    Flag,
    Key,
    Label,
    Listed,
    Named,
    Region,
    Sentence,
    Spec,
    Value,
    Values,
    Whole,
    Word,
    Words,
)
from cleanroom.policy.keys import MATCHING, POLICY
from cleanroom.policy.words import MAX_VALUE

Schema: TypeAlias = dict[str, "Json"]
Json: TypeAlias = str | int | float | bool | list["Json"] | Schema

DRAFT = "http://json-schema.org/draft-07/schema#"  # what editors' YAML servers know best

# As in model/names.py, in the dialect of JSON Schema (ECMA 262).
_LABEL: Schema = {"type": "string", "maxLength": 63, "pattern": "^[a-z](-?[a-z0-9])*$"}
_COLUMN: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"}
_DAY = "^2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_SPACE = r"\s\u001c-\u001f\u0085"  # what Python strips

# What only the parser checks: (rule, what it holds together).
BEYOND = MappingProxyType(
    {
        "spelling": "numbers are written plainly: 50, not 50.0, 0x32, +50, .5 or 1e-31",
        "script": "a value's words are in one script, in composed form, and printable",
        "period": "valid.until is not before valid.from, and both days exist",
        "arms": "arm.test and arm.control differ",
        "columns": "a dataset declares each column once, none named as a match key's or an outcome",
        "breakdowns": "breakdowns list columns that the dataset declares",
        "consent age": "consent.max_age_days is at least consent.epoch_days",
        "families": "minimum_aggregation.families are at least people",
        "rows": "a measure in rows has no min_per_person",
        "per question": "privacy.per_question is at most epsilon",
        "owners": "each dataset's owner is a party",
        "grants": "a granted family has purposes in some dataset's consent",
        "lift": "sales_lift is granted only where two datasets can answer it",
        "budgets": "one pool of one owner has one epsilon and delta",
        "rules": "some dataset has privacy, and some has minimum_aggregation",
        "size": "the file has at most 1 MiB, 8 levels and 20,000 values",
    }
)


def policy_schema() -> Schema:
    """Return the JSON Schema (draft 7) of a policy."""
    return {
        "$schema": DRAFT,
        "title": "Policy of a data clean room",
        "description": "What the parser checks beyond this schema: "
        + "; ".join(BEYOND.values())
        + ".",
        **schema_of(POLICY),
    }


def schema_text() -> str:
    """Return the schema as it stands in policies/schema.json."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def schema_of(spec: Spec) -> Schema:  # noqa: C901, PLR0911, PLR0912 - one case for each kind of value
    """Return the schema of one value."""
    match spec:
        case Word(words=words):
            return {"type": "string", "enum": list(words)}
        case Words(words=words, wanted=wanted):
            return _list({"type": "string", "enum": list(words)}, least=1 if wanted else 0)
        case Label():
            return _LABEL
        case Column():
            return _COLUMN
        case Columns():
            return _list(_COLUMN)
        case Region():
            return {"type": "string", "pattern": "^[A-Z]{2}$"}
        case Day():
            return {"type": "string", "format": "date", "pattern": _DAY}
        case Flag():
            return {"type": "boolean"}
        case Whole(least=least, most=most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case Decimal():
            return _decimal(spec)
        case Value():
            return _VALUE
        case Values(most=most):
            return _list(_VALUE, least=1) | {"maxItems": most}
        case Sentence(most=most):
            return {"type": "string", "minLength": 1, "maxLength": most}
        case Listed(each=each, most=most):
            return {"type": "array", "items": schema_of(each), "minItems": 1, "maxItems": most}
        case Block():
            return _block(spec)
        case Named():
            return _named(spec)


_VALUE: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_VALUE,
    "pattern": f"^[^{_SPACE}](.*[^{_SPACE}])?$",
}


def _list(items: Schema, least: int = 0) -> Schema:
    bounds: Schema = {"minItems": least} if least else {}
    return {"type": "array", "items": items, "uniqueItems": True, **bounds}


def _decimal(spec: Decimal) -> Schema:
    most = float(spec.most)
    limit = "exclusiveMaximum" if spec.below else "maximum"
    return {
        "type": "number",
        "exclusiveMinimum": 0,
        limit: int(most) if most.is_integer() else most,
    }


def _block(spec: Block) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {key.name: _described(key) for key in spec.keys},
        "additionalProperties": False,
    }
    required: list[Json] = [key.name for key in spec.keys if key.required]
    return found | ({"required": required} if required else {}) | _together(spec)


def _together(spec: Block) -> Schema:
    """Return what keys of one block say of each other, where a schema can tell."""
    if spec is not MATCHING:
        return {}
    unsalted: Schema = {"properties": {"scheme": {"const": str(Scheme.SHA256)}}}
    allowed: Schema = {
        "required": ["allow_unsalted"],
        "properties": {"allow_unsalted": {"const": True}},
    }
    return {
        "if": unsalted,
        "then": allowed,
        "else": {"properties": {"allow_unsalted": {"const": False}}},
    }


def _named(spec: Named) -> Schema:
    names = _COLUMN if spec.columns else _LABEL
    bounds: Schema = {"minProperties": spec.least} if spec.least else {}
    return {
        "type": "object",
        "propertyNames": names,
        "additionalProperties": schema_of(spec.each),
        "maxProperties": MAX_ENTRIES,
        **bounds,
    }


def _described(key: Key) -> Schema:
    absent = "required" if key.required else f"without it: {key.absent}"
    said = f"{key.says}\n\nAbsent: {absent}\n\nExample: {key.name}: {key.example}"
    return {"description": said, **schema_of(key.spec)}
