"""Bad input as users make it, through the real command lines against a real server.

Each case gives one sentence that says what to do, an exit code, and nothing half done; the
corrected command works.
"""

from __future__ import annotations

import re

import pytest

from support.cli import says
from support.cli_room import CONSENT, LIFT, PAIR, PARTIES, SALES_HEAD

ROW = "p1@example.com,2026-03-01,12.50,hair-care," + CONSENT
GOOD = f"{SALES_HEAD}\n{ROW}\n{ROW.replace('p1', 'p2')}\n"
MAX_EXTRA_KIB = 32 * 1024


def _amount(text):
    return f"{SALES_HEAD}\n{ROW}\n{ROW.replace('12.50', text)}\n"


def _day(text):
    return f"{SALES_HEAD}\n{ROW}\n{ROW.replace('2026-03-01', text)}\n"


# name: (content, options, words of the sentence)
FILES = {
    "no key column": (GOOD.replace("email", "mail"), (), ["line 1", "'email'", "--map email="]),
    "semicolons": (GOOD.replace(",", ";"), (), ["line 1", "--delimiter ';'"]),
    "tabs": (GOOD.replace(",", "\t"), (), ["line 1", "--delimiter tab"]),
    "empty": ("", (), ["empty", "header"]),
    "header only": (SALES_HEAD + "\n", (), ["header but no row"]),
    "decimal comma": (_amount('"12,50"'), (), ["line 3", "'amount'", "decimal point"]),
    "bare decimal comma": (_amount("12,50"), (), ["line 3", "7 fields", "found 8", "quotes"]),
    "not a number": (_amount("NaN"), (), ["line 3", "'amount'", "NaN", "12.50"]),
    "negative": (_amount("-5.00"), (), ["line 3", "'amount'", "negative"]),
    "no amount": (_amount(""), (), ["line 3", "'amount'", "empty"]),
    "a day in 1970": (_day("1970-01-01"), (), ["line 3", "'occurred_at'", "2000-01-01"]),
    "milliseconds": (_day("1767225600000"), (), ["line 3", "'occurred_at'", "milliseconds"]),
    "a day of another form": (_day("01.03.2026"), (), ["line 3", "such as 2026-03-01"]),
    "no such day": (_day("2026-02-30"), (), ["line 3", "no such date"]),
    "short line": (GOOD + "p3@example.com,2026-03-01\n", (), ["line 4", "found 2", "cut off"]),
    "UTF-16": (GOOD.encode("utf-16"), (), ["UTF-16", "UTF-8"]),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), (), ["line 1", "NUL", "UTF-8"]),
    "NUL": (GOOD.replace("p2", "p\0"), (), ["line 3", "NUL"]),
    "Latin-1": (GOOD.replace("p2", "pé").encode("latin-1"), (), ["line 3", "UTF-8"]),
    "open quote": (f'{SALES_HEAD}\n"{ROW}\n', (), ["line 2", "never closed"]),
    "unknown purpose": (GOOD.replace("measurement", "fun"), (), ["line 2", "'fun'", "measurement"]),
    "no consent": (GOOD.replace(",purposes", ",agreed"), (), ["'purposes'", "--map purposes="]),
    "no usable key": (GOOD.replace("@", " at "), (), ["match key", "email"]),
    "no Parquet": (b"PAR1 but nothing else PAR1", (), ["Parquet", "damaged"]),
    "an Excel file": (b"PK\x03\x04 a workbook", (), ["Excel", "CSV"]),
    "map of no column": (GOOD, ("--map", "mail=email"), ["--map mail=", "no such column", "email"]),
    "map to no header": (GOOD, ("--map", "email=E-Mail"), ["--map email=E-Mail", "no such header"]),
    "map without =": (GOOD, ("--map", "email"), ["--map email", "COLUMN=HEADER", "--help"]),
    "long delimiter": (GOOD, ("--delimiter", ";;"), ["delimiter", "one character"]),
}


def _file(room, name):
    path = room.folder / f"{re.sub('[^a-zA-Z0-9]', '-', name)}.csv"
    content = FILES[name][0]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path.name


@pytest.fixture(scope="module")
def before(room):
    """Return what the service had before anything bad came."""
    return room.kept("sales"), room.balances()


@pytest.fixture(scope="module")
def refused_files(room, before):
    """Bring every bad file, a few at once; return each one's result."""
    commands = [("megamart", "upload", "sales", _file(room, n), *FILES[n][1]) for n in FILES]
    return dict(zip(FILES, _side_by_side(room, commands), strict=True))


def _side_by_side(room, commands, at_once=3):
    batches = [commands[i : i + at_once] for i in range(0, len(commands), at_once)]
    return [result for batch in batches for result in room.clients(*batch)]


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused_with_its_place_and_what_was_expected(refused_files, name):
    says(refused_files[name], FILES[name][2])
    assert "p1@example.com" not in refused_files[name].sentence


def test_bad_files_leave_nothing_and_the_corrected_one_is_taken(room, before, refused_files):
    assert refused_files
    assert room.kept("sales") == before[0]
    (room.folder / "corrected.csv").write_text(GOOD.replace(",", "\t"))
    upload = ("upload", "sales", "corrected.csv")
    says(room.client("megamart", *upload), ["--delimiter tab"])
    out = room.client("megamart", *upload, "--delimiter", "tab").ok()
    assert "complete, 2 rows" in out
    assert "2 rows" in room.client("megamart", *upload, "--delimiter", "tab").ok()


def test_repeated_rows_are_taken_and_counted(room):
    (room.folder / "repeated.csv").write_text(f"{SALES_HEAD}\n" + f"{ROW}\n" * 3)
    out = room.client("megamart", "upload", "sales", "repeated.csv").ok()
    assert any(line.split() == ["repeated", "rows,", "kept", "2"] for line in out.splitlines())


def test_what_is_no_file_is_named(room):
    says(room.client("megamart", "upload", "sales", "none.csv"), ["none.csv", "no such file"])
    says(room.client("megamart", "upload", "sales", "box"), ["box", "folder", "CSV"])


def test_a_line_of_200_mb_is_refused_in_little_memory(room, refused_files):
    path = room.folder / "long.csv"
    with path.open("wb") as file:
        file.write(f"{SALES_HEAD}\n".encode())
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    result = room.client("megamart", "upload", "sales", "long.csv")
    path.unlink()
    says(result, ["long.csv, line 2", "1 MiB"])
    assert result.max_rss_kib < refused_files["empty"].max_rss_kib + MAX_EXTRA_KIB


# What comes too early

EARLY = {
    "upload before accept": ["no policy of spring-campaign is in force", *PARTIES],
    "ask before accept": ["no policy of spring-campaign is in force", *PARTIES],
    "seal before upload": ["exposures", "no complete upload"],
    "seal before blind": ["exposures", "megamart", "fiscal-data", "must run 'blind' first"],
    "ask before seal": ["exposures", "sealed", "upload and seal it"],
}


@pytest.mark.parametrize("name", EARLY)
def test_what_comes_too_early_says_who_must_do_what_first(room, name):
    says(room.early[name], EARLY[name])


# Questions

EPSILON = ("ask", "match-rate", *PAIR, "--epsilon")
QUESTIONS = {
    "one dataset": (("ask", "match-rate", "--datasets", "exposures"), ["two different datasets"]),
    "no datasets": (("ask", "match-rate"), ["'--datasets'", "--help"]),
    "undeclared dataset": (
        ("ask", "match-rate", "--datasets", "exposures,clicks"),
        ["datasets", "clicks", "spring-campaign.yaml:"],
    ),
    "dimension": (("ask", "match-rate", *PAIR, "--by", "planet"), ["planet", "dimension"]),
    "outcome": (("ask", "sales-lift", *LIFT[:-1], "profit"), ["measures", "profit"]),
    "filter": (("ask", "sales-lift", *LIFT, "--filter", "colour=red"), ["event_filters", "colour"]),
    "filter value": (
        ("ask", "sales-lift", *LIFT, "--filter", "category=hats"),
        ["event_filters.category", "does not include", "spring-campaign.yaml:"],
    ),
    "filter form": (("ask", "sales-lift", *LIFT, "--filter", "category"), ["COLUMN=V1,V2"]),
    "half a window": (("ask", "sales-lift", *LIFT, "--from", "2026-03-01"), ["--until"]),
    "no window": (
        ("ask", "sales-lift", *LIFT, "--from", "2026-04-01", "--until", "2026-03-01"),
        ["window", "begin before it ends"],
    ),
    "population": (("ask", "sales-lift", *LIFT, "--population", "some"), ["all, matched"]),
    "epsilon 0": ((*EPSILON, "0"), ["epsilon", "above zero"]),
    "epsilon -1": ((*EPSILON, "-1"), ["epsilon", "above zero"]),
    "epsilon abc": ((*EPSILON, "abc"), ["epsilon", "decimal number"]),
    "epsilon with a comma": ((*EPSILON, "0,5"), ["epsilon", "as in 0.5"]),
    "epsilon 1000": ((*EPSILON, "1000"), ["one question may take", "loyalty"]),
    "both losses": ((*EPSILON, "0.1", "--rho", "0.1"), ["rho", "epsilon", "not both"]),
    "both formats": (("ask", "match-rate", *PAIR, "--json", "--csv"), ["--json", "--csv"]),
    "receipt nowhere": (
        ("ask", "match-rate", *PAIR, "--receipt", "none/r"),
        ["--receipt none/r", "folder that exists"],
    ),
    "request id": (("ask", "match-rate", *PAIR, "--request-id", "a b"), ["request_id", "letters"]),
    "unknown request": (("get", "0" * 32), ["does not exist or is not yours"]),
    "unknown command": (("bugdet",), ["'bugdet'", "budget"]),
    "another's dataset": (("upload", "sales", "sales.csv"), ["sales", "megamart's", "owner"]),
    "an undeclared dataset": (("upload", "clicks", "sales.csv"), ["clicks", "exposures, sales"]),
    "to seal another's": (("seal", "sales"), ["sales", "not yours to seal"]),
    "to describe another's": (("describe", "panel"), ["panel", "not yours to describe"]),
    "to erase nothing": (("erase", "v-0"), ["v-0", "not yours to erase"]),
}


@pytest.fixture(scope="module")
def refused_questions(room, before):
    commands = [("acme-brand", *words) for words, _ in QUESTIONS.values()]
    return dict(zip(QUESTIONS, _side_by_side(room, commands), strict=True))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_bad_question_is_refused_with_what_the_policy_knows(refused_questions, name):
    says(refused_questions[name], QUESTIONS[name][1])


def test_bad_questions_debit_nothing_and_the_corrected_one_is_answered(
    room, before, refused_questions
):
    assert refused_questions
    assert room.balances() == before[1]
    out = room.client("acme-brand", "ask", "match-rate", *PAIR, "--epsilon", "0.5").ok()
    assert "match rate" in out
    assert room.balances() != before[1]


def test_who_may_not_ask_is_told_the_line_of_the_policy(room):
    result = room.client("megamart", "ask", "sales-lift", *LIFT)
    says(result, ["parties.megamart.may_ask", "sales_lift", "spring-campaign.yaml:6"])


def test_a_deadline_of_1_ms_says_how_to_repeat_and_the_repeat_is_answered(room):
    ask = ("ask", "match-rate", "--datasets", "exposures,panel")
    short = {"before": ("--timeout", "0.001")}
    sentence = room.client("acme-brand", *ask, **short).sentence
    assert "within 0.001 s" in sentence
    assert "longer --timeout" in sentence
    request_id = re.search(r"--request-id ([0-9a-f]+)$", sentence)[1]
    repeated = room.client("acme-brand", *ask, "--request-id", request_id, "--json")
    assert repeated.ok()
    assert room.client("acme-brand", "get", request_id, "--json").ok() == repeated.out
    upload = room.client("megamart", "upload", "sales", "sales.csv", **short)
    says(upload, ["within 0.001 s", "longer --timeout"])
    says(room.client("megamart", "budget", before=("--timeout", "0")), ["--timeout", "0 seconds"])
