"""The check that questions and their log entries speak of each other; must not know ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from cleanroom.audit.commitment import commit
from cleanroom.audit.entry import Entry, EntryKind
from cleanroom.ports.records import QuestionState, StoredQuestion
from cleanroom.storage.problem import Problem, note, problem


def check_questions(
    questions: tuple[StoredQuestion, ...], entries: Mapping[int, Entry]
) -> list[Problem]:
    """Return every question without its entries, and every entry without its question."""
    found: list[Problem] = []
    for question in questions:
        found += _check_question(question, entries)
    spoken_of = {(q.digest, index) for q in questions for index in _entries_of(q)}
    for index, entry in sorted(entries.items()):
        if (entry.fields.get("question_digest"), index) not in spoken_of:
            what = f"it says {entry.kind} of a question that does not name this entry"
            found.append(problem(f"log entry {index}", what))
    return found


def _check_question(question: StoredQuestion, entries: Mapping[int, Entry]) -> list[Problem]:
    where = f"question {question.digest}"
    found = _check_entry(question, entries, question.reserved_entry, EntryKind.QUESTION_RESERVED)
    ending = question.released_entry
    match question.state:
        case QuestionState.RESERVED:
            found.append(note(where, "it is debited and not yet answered: the next start resumes"))
        case QuestionState.RELEASED:
            found += _check_entry(question, entries, ending, EntryKind.QUESTION_RELEASED)
            found += _check_measurement(question, entries)
        case QuestionState.ERASED:
            found += _check_entry(question, entries, ending, EntryKind.QUESTION_RELEASED)
            if question.measurement is not None:
                found.append(problem(where, "it is erased, yet its measurement is there"))
        case QuestionState.FAILED:
            found += _check_entry(question, entries, ending, EntryKind.QUESTION_FAILED)
        case _:
            assert_never(question.state)
    return found


def _check_entry(
    question: StoredQuestion, entries: Mapping[int, Entry], index: int | None, kind: EntryKind
) -> list[Problem]:
    entry = None if index is None else entries.get(index)
    if (
        entry is not None
        and entry.kind is kind
        and entry.fields.get("question_digest") == question.digest
    ):
        return []
    what = f"it has no {kind} entry in the log where it names one (index {index})"
    return [problem(f"question {question.digest}", what)]


def _check_measurement(question: StoredQuestion, entries: Mapping[int, Entry]) -> list[Problem]:
    where = f"question {question.digest}"
    if question.measurement is None:
        return [problem(where, "it is released, yet its measurement is missing")]
    entry = None if question.released_entry is None else entries.get(question.released_entry)
    if entry is None:
        return []  # told already
    committed = entry.fields.get("measurement_commitment")
    if committed != commit(entry.salt, question.measurement).hex():
        what = f"its measurement is not the one log entry {question.released_entry} commits to"
        return [problem(where, what)]
    return []


def _entries_of(question: StoredQuestion) -> tuple[int, ...]:
    ending = question.released_entry
    return (question.reserved_entry,) if ending is None else (question.reserved_entry, ending)
