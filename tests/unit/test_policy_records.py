"""Records of processing: what they say, where each figure is from, and how they are written.

To renew the text kept: CLEANROOM_RENEW=1 python -m pytest tests/unit/test_policy_records.py
"""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cleanroom.analysis.log_report import family_of, whole
from cleanroom.analysis.record_document import Chapter, Grid, Record, Told, grid
from cleanroom.analysis.record_log import log_chapters
from cleanroom.analysis.record_policy import BLANK, policy_chapters
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found
from cleanroom.cli.record_markdown import record_json, record_markdown
from cleanroom.cli.record_page import record_page
from support.audit_logs import some_entry
from support.operator_room import Room
from support.policies import policy

KEPT = Path(__file__).parents[1] / "snapshots" / "records" / "demo.md"
RENEW = bool(os.environ.get("CLEANROOM_RENEW"))
START_S, DAY_S = 1_772_323_200, 86_400  # 2026-03-01
DIGEST = "ab" * 32
EVIL = "</script><script>alert(1)</script>|`*[x]"


def log(*more):
    """A collaboration's log: agreed, sealed, erased, withdrawn and asked."""
    made = []

    def add(kind, actor, **fields):
        entry = some_entry(
            len(made),
            kind=kind,
            actor=actor,
            collaboration="spring-campaign",
            time_s=START_S + len(made) * DAY_S // 4,
            fields=fields,
        )
        at = fields.get("reserved_entry")
        reserved = None if at is None else made[at].entry
        made.append(Found(index=len(made), entry=entry, reserved=reserved))
        return len(made) - 1

    add(EntryKind.POLICY_PROPOSED, "officer/jane", policy_digest=DIGEST, tightened=2, loosened=0)
    for party in ("acme-brand", "megamart", "fiscal-data"):
        add(EntryKind.POLICY_ACCEPTED, f"party/{party}", policy_digest=DIGEST)
    add(EntryKind.POLICY_IN_FORCE, "party/fiscal-data", policy_digest=DIGEST)
    for number, dataset in enumerate(("sales", "exposures", "sales")):
        name = f"v-{number}"
        add(EntryKind.UPLOAD_STARTED, "party/megamart", dataset=dataset, upload=f"u-{number}")
        add(EntryKind.VERSION_SEALED, "party/megamart", dataset=dataset, version=name,
            policy_digest=DIGEST)  # fmt: skip
    add(EntryKind.VERSION_ERASED, "party/megamart", dataset="sales", version="v-0")
    add(EntryKind.CONSENT_WITHDRAWN, "party/megamart", dataset="sales", references=3)
    add(EntryKind.CONSENT_WITHDRAWN, "party/megamart", dataset="sales", references="4")
    for family in ("match_rate", "sales_lift", "match_rate"):
        at = add(EntryKind.QUESTION_RESERVED, "party/acme-brand", family=family,
                 question_digest=DIGEST, versions=[["sales", "v-2"]], debits=[])  # fmt: skip
        add(EntryKind.QUESTION_RELEASED, "party/acme-brand", reserved_entry=at,
            question_digest=DIGEST)  # fmt: skip
    add(EntryKind.QUESTION_REFUSED, "party/megamart", family="sales_lift", reason="QUESTION_REFUSED",
        why="no")  # fmt: skip
    add(EntryKind.ADMINISTRATIVE, "operator/operator", what="key rotated")
    for kind, actor, fields in more:
        add(kind, actor, **fields)
    return made


def record(found, name="demo"):
    ruling = policy(name=name)
    return Record(
        collaboration=ruling.collaboration,
        policy_digest=DIGEST,
        in_force=True,
        origin="cleanroom.example/log",
        entries=len(found),
        root="AAAA",
        made_at_s=START_S + 30 * DAY_S,
        chapters=(*policy_chapters(ruling), *log_chapters(ruling, found)),
    )


def chapter(made, name):
    return next(c for c in made.chapters if c.id == name)


def rows(made, name):
    return [
        row for part in chapter(made, name).parts if isinstance(part, Grid) for row in part.rows
    ]


def told_cells(made):
    return [
        (c.id, cell)
        for c in made.chapters
        for part in c.parts
        if isinstance(part, Grid)
        for row in part.rows
        for cell in row
        if isinstance(cell, Told)
    ]


def test_the_record_of_the_example_reads_as_it_did():
    found = record_markdown(record(log()))
    if RENEW:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(found, encoding="utf-8")
    assert found == KEPT.read_text(encoding="utf-8")


def test_every_point_of_article_30_has_a_chapter():
    articles = [c.article for c in record(log()).chapters]
    for point in "abcdefg":
        assert any(f"30(1)({point})" in article for article in articles), point


def test_every_figure_is_that_of_the_entries_it_names():
    found = log()
    for name, cell in told_cells(record(found)):
        behind = [found[index].entry for index in cell.entries]
        assert behind
        if not cell.text.replace(",", "").isdecimal():
            continue  # a time: of one entry
        kinds = {entry.kind for entry in behind}
        assert len(kinds) == 1, (name, cell)
        references = sum(whole(e.fields.get("references")) for e in behind)
        assert int(cell.text.replace(",", "")) in {len(behind), references}


def test_questions_are_counted_by_party_family_and_end():
    found = log()
    counted = {
        (party, family): [cell.text if isinstance(cell, Told) else cell for cell in cells]
        for party, family, *cells in rows(record(found), "questions")
    }
    assert counted == {
        ("party/acme-brand", "match rates"): ["2", "2", "0", "0", "0"],
        ("party/acme-brand", "sales lifts"): ["1", "1", "0", "0", "0"],
        ("party/megamart", "sales lifts"): ["0", "0", "0", "1", "0"],
    }
    named = {i for row in rows(record(found), "questions") for c in row[2:]
             if isinstance(c, Told) for i in c.entries}  # fmt: skip
    assert named == {f.index for f in found if f.entry.kind.value.startswith("question_")}
    assert all(family_of(found[i]) != "unknown" for i in named)


def test_withdrawals_are_counted_as_their_owners_sent_them():
    found = rows(record(log()), "consent")[-1]
    assert found == (
        "sales", Told(text="2", entries=(12, 13)), Told(text="7", entries=(12, 13)),
    )  # fmt: skip


def test_a_version_says_when_it_was_erased():
    found = {row[0]: row[-1] for row in rows(record(log()), "versions")}
    assert found["v-0"] == Told(text="2026-03-03T18:00:00Z", entries=(11,))
    assert (found["v-1"], found["v-2"]) == ("no", "no")


def test_bases_epochs_and_age_are_those_of_the_policy():
    (words, *_) = chapter(record(log(), name="hmac"), "consent").parts
    assert "Rows rest on consent and contract." in words
    assert "once in 7 days" in words
    assert "395 days" in words
    bases = [row for row in rows(record(log(), name="hmac"), "purposes") if row[0] == "contract"]
    assert "eu-gdpr:A6-1-b" in bases[0][2]


@pytest.mark.parametrize("name", ["demo", "hmac", "sha256", "spring-campaign"])
def test_what_a_policy_cannot_know_is_left_to_be_entered(name):
    made = record(log(), name=name)
    for party in policy(name=name).parties:
        assert (party.name, BLANK) in {(row[0], row[3]) for row in rows(made, "controllers")}
    assert BLANK in chapter(made, "transfers").parts[0]


def test_a_log_without_anything_makes_a_record_all_the_same():
    text = record_markdown(record([]))
    assert "| – | – | – |" in text


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.tags = set(), [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids |= {found["id"]} if "id" in found else set()
        self.links += [found["href"]] if "href" in found else []


def test_the_page_runs_and_fetches_nothing_and_each_figure_leads_to_its_entries():
    hostile = (EntryKind.QUESTION_REFUSED, f"party/{EVIL}", {"family": EVIL, "reason": EVIL})
    made = record(log(hostile))
    page = record_page(made)
    reader = _Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert all(link.startswith("#") and link[1:] in reader.ids for link in reader.links)
    assert len([link for link in reader.links if re.fullmatch(r"#s\d+", link)]) == len(
        told_cells(made)
    )
    assert "default-src 'none'" in page


def test_markdown_shows_hostile_names_as_text_on_one_line():
    hostile = (EntryKind.QUESTION_REFUSED, f"party/{EVIL}\n# x", {"family": "a\nb", "reason": "r"})
    text = record_markdown(record(log(hostile)))
    assert "\n# x" not in text
    assert "<script" not in text.replace("\\<", "")
    heads = {
        line.count("|") for line in text.splitlines() if line.startswith("| Party | Questions")
    }
    (line,) = [line for line in text.splitlines() if "alert" in line]
    assert {line.replace("\\|", "").count("|")} == heads


def test_the_data_have_every_chapter_and_every_source():
    made = record(log())
    data = json.loads(json.dumps(record_json(made)))
    assert [c["id"] for c in data["chapters"]] == [c.id for c in made.chapters]
    found = [cell for c in data["chapters"] for p in c["parts"] if isinstance(p, dict)
             for row in p["rows"] for cell in row if isinstance(cell, dict)]  # fmt: skip
    assert [(c["text"], tuple(c["entries"])) for c in found] == [
        (cell.text, cell.entries) for _, cell in told_cells(made)
    ]


def test_a_row_of_another_length_is_no_table():
    with pytest.raises(ValueError, match="another number of cells"):
        grid("a | b", [("1",)])
    assert grid("a | b", []).rows == (("–", "–"),)
    assert Chapter(id="x", title="X", article="", parts=()).parts == ()


@pytest.fixture(name="room")
def _room(tmp_path, capsys):
    room = Room(tmp_path, capsys)
    room.agree()
    return room


@pytest.mark.parametrize("form", ["md", "html", "json"])
def test_the_command_writes_each_form(room, tmp_path, form):
    code, out, _ = room.run("policy", "records", "--format", form)
    assert code == 0
    assert "spring-campaign" in out
    assert "(to be entered)" in out
    code, said, _ = room.run("policy", "records", "--format", form, "--out", tmp_path / "r")
    assert code == 0
    assert "from 5 entries, verified" in said
    kept = (tmp_path / "r").read_text(encoding="utf-8")
    times = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|\"made_at_s\": \d+"
    assert re.sub(times, "", kept) == re.sub(times, "", out)


def test_an_unknown_collaboration_is_said_to_be(room):
    code, out, err = room.run("policy", "records", "--collaboration", "autumn")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == "cleanroom: collaboration: expected one of spring-campaign"


def test_a_log_that_does_not_verify_gets_no_record(room, tmp_path):
    room.tamper("UPDATE log_entries SET entry = ? WHERE idx = 1", b"{}")
    code, _, err = room.run("policy", "records", "--out", tmp_path / "r")
    assert code == 1
    assert "log" in err
    assert not (tmp_path / "r").exists()
