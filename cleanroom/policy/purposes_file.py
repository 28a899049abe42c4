"""policies/purposes.yaml, made of the vocabulary; must not know how files are read or written."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cleanroom.model.consent import MARKS, PURPOSES
from cleanroom.model.vocabulary import BASIS_TERMS, PURPOSE_TERMS, Term

_HEAD = """\
# What a person may have agreed to, and on what the use of a row may rest: the whole lists.
# Made of cleanroom/model/vocabulary.py by `make policy-files`; installed code does not read it.
# `bit` is the place in the bitmap that sealed versions store, counted from 0. `term` is of W3C's
# Data Privacy Vocabulary; `match` says whether it means the same (exact), more (broader), or what
# is done with data rather than why (related).
version: cleanroom-purposes/v1
"""


def purposes_text() -> str:
    """Return the file."""
    purposes = {name: (PURPOSES[name], term) for name, term in PURPOSE_TERMS.items()}
    bases = {str(basis): (MARKS[basis], term) for basis, term in BASIS_TERMS.items()}
    lines = [*_section("purposes", purposes), "", *_section("bases", bases)]
    return _HEAD + "\n" + "\n".join(lines) + "\n"


def _section(name: str, terms: dict[str, tuple[int, Term]]) -> Iterator[str]:
    yield f"{name}:"
    for key, (mark, term) in terms.items():
        yield f"  {key}:"
        yield f"    bit: {mark.bit_length() - 1}" if mark else "    bit: null  # no mark is needed"
        yield f"    label: {term.label}"
        yield f"    definition: {json.dumps(term.definition)}"
        yield f"    term: {term.iri}"
        yield f"    match: {term.match}"
