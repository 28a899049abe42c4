"""Which header of a partner's table is which column of the dataset; knows no values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cleanroom_client.tables.errors import BadInput, join_names, shown
from cleanroom_client.tables.sources import Source
from cleanroom_client.tables.spec import (
    CONSENT_STRING,
    CONSENT_UNTIL,
    PURPOSES_COLUMN,
    DatasetSpec,
)


def resolve(source: Source, spec: DatasetSpec, mapping: Mapping[str, str]) -> dict[str, int]:
    """Return the position of each column of the dataset that the table has.

    `mapping` is {column: header} for headers that differ from the column's name.

    1. No header comes twice.
    2. Everything mapped exists, on both sides.
    3. There is at least one column of match keys.
    4. Every required column is there, and consent comes in one way only.

    Raises BadInput with the first of these that fails.
    """
    check_unique(source)  # 1
    _check_mapping(source, spec, mapping)  # 2
    headers = list(source.headers)
    wanted = {column: mapping.get(column, column) for column in spec.columns()}
    found = {c: headers.index(header) for c, header in wanted.items() if header in headers}
    if not any(column in found for column in spec.key_columns()):  # 3
        raise _refused(source, _no_key(spec, headers))
    for column in spec.required_columns():  # 4
        if column not in found:
            raise _refused(source, _missing(column, headers))
    _check_one_consent(source, spec, headers)
    return found


def _refused(source: Source, message: str) -> BadInput:
    return BadInput(message, file=source.name, line=1 if source.unit == "line" else None)


def check_unique(source: Source) -> None:
    """Raise BadInput for a header that comes twice: which of the two is meant is not guessed."""
    named = [header for header in source.headers if header]
    twice = sorted({header for header in named if named.count(header) > 1})
    if twice:
        raise _refused(source, f"the header {shown(twice[0])} comes more than once")


def _check_mapping(source: Source, spec: DatasetSpec, mapping: Mapping[str, str]) -> None:
    known = list(spec.columns())
    for column, header in mapping.items():
        if column not in known:
            message = f"--map {column}=…: the dataset has no such column, only {join_names(known)}"
            raise _refused(source, message)
        if header not in source.headers:
            found = join_names(list(source.headers))
            message = f"--map {column}={header}: there is no such header, only {found}"
            raise _refused(source, message)


def _no_key(spec: DatasetSpec, headers: Sequence[str]) -> str:
    keys = list(spec.key_columns())
    pairs = ((key, header) for header in headers for key in keys if key in _bare(header))
    column, like = next(pairs, (keys[0], "HEADER"))
    return (
        f"no column of match keys: expected one of {join_names(keys)}, found"
        f" {join_names(list(headers))}; name yours with --map {column}={like}"
    )


def _check_one_consent(source: Source, spec: DatasetSpec, headers: Sequence[str]) -> None:
    """Refuse strings beside columns of purposes: one of them would be overlooked."""
    if spec.consent is None:
        return
    declared = set(spec.columns())
    for column in (PURPOSES_COLUMN, CONSENT_UNTIL):
        if column in headers and column not in declared:
            message = (
                f"consent comes from the strings in {CONSENT_STRING!r}, but there is a column "
                f"{column!r} too: leave one of them out"
            )
            raise _refused(source, message)


def _missing(column: str, headers: Sequence[str]) -> str:
    like = next((h for h in headers if _bare(h) == column), "HEADER")
    if column == PURPOSES_COLUMN and CONSENT_STRING in headers:
        return (
            f"no column {column!r}, but one of consent strings: say how to read them with "
            "--consent FILE"
        )
    return (
        f"no column {column!r}: found {join_names(list(headers))};"
        f" name yours with --map {column}={like}"
    )


def _bare(header: str) -> str:
    """Return the header as a column name would be written: `E-Mail` as `email`."""
    return header.casefold().replace("-", "").replace(" ", "_")
