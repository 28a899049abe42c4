"""The sections of the report, one function each; must not know how a page is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from xml.etree.ElementTree import Element

from cleanroom.analysis.days import NO_DAY, Step, start_of, step_for, steps_between
from cleanroom.analysis.log_report import Asked, Number, Row, family_of
from cleanroom.audit.choice import datasets_of, debits_of, decision_of, reason_of
from cleanroom.audit.entry import EntryKind
from cleanroom.audit.words import rho_text, sentence, short, when
from cleanroom.cli.report_charts import Series, bar, over_time
from cleanroom.cli.report_common import (
    Shown,
    entry_link,
    merged,
    rows_of,
    tally_table,
    total_of,
    value_of,
)
from cleanroom.cli.report_data import MOST_QUESTIONS, newest
from cleanroom.cli.report_parts import Sources, el, moment, section, table
from cleanroom.rpc.text import decimal_text
from cleanroom.usecases.audit_report import Pool

_NOTHING: Final = "None."
_DECISIONS: Final = {
    "reserved": "questions paid for",
    "released": "answers released",
    "repeated": "repeated free of charge",
    "refused": "questions refused",
    "failed": "questions failed",
}
_MOST_SERIES: Final = 7  # more become "others", in the last colour


def verification(shown: Shown) -> Element:
    """Say what was verified, by which key, and what that does not show."""
    standing = shown.standing
    witnesses = [f"{name} on {when(at)}" for name, at in standing.cosigned]
    facts = (
        ("log", standing.origin),
        ("entries", f"{standing.size:,}"),
        ("root (base64)", standing.root),
        ("key of the log", "; ".join(standing.keys)),
        ("continues", standing.continues or "not compared with an earlier checkpoint"),
        ("witnesses", ", ".join(witnesses) or "none was asked for"),
    )
    return section(
        "verification",
        "Verification",
        el(
            "div",
            el("strong", "✓ The log is consistent.", class_="state"),
            " Every entry was read again, their tree was computed anew, and it has the root that "
            "this checkpoint signs.",
            el(
                "dl",
                *(el(tag, t) for pair in facts for tag, t in zip(("dt", "dd"), pair, strict=True)),
            ),
            class_="panel",
        ),
        el("pre", standing.note.rstrip("\n")),
        el(
            "p",
            "This was checked by the operator's own server. To check it without trusting that "
            "server, keep the checkpoint above, ask for an export of the log, and run ",
            el("code", "cleanroom audit verify DIR --log-key KEY"),
            " or any C2SP tlog tool on it. Unless a witness has cosigned, nothing here shows that "
            "nobody was given another history.",
            class_="soft",
        ),
    )


def summary(shown: Shown) -> Element:
    """Show what became of questions, and the other numbers one looks for first."""
    decided = {row.labels[0]: row.numbers[0] for row in rows_of(shown, "decisions")}
    tiles = [
        (words, shown.sources.count(words, decided.get(name) or Number(value=0, entries=())))
        for name, words in _DECISIONS.items()
    ]
    versions = shown.log.tally("versions")
    tiles += [(versions.columns[c], total_of(shown, versions, c)) for c in (1, 2, 3)]
    tiles.append(("callers not accepted", total_of(shown, shown.log.tally("denied"), 0)))
    items = (el("li", el("b", number), words) for words, number in tiles)
    return section("summary", "Summary", el("ul", *items, class_="tiles"))


def questions_over_time(shown: Shown) -> Element:
    """Draw questions over time, by party and by family."""
    tally = shown.log.tally("questions")
    rows = [row for row in tally.rows if row.labels[0] != NO_DAY]
    if not rows:
        return section("over-time", "Questions over time", el("p", _NOTHING))
    first, last = rows[0].labels[0], rows[-1].labels[0]
    step = step_for(first, last)
    starts = tuple(steps_between(first, last, step))
    charts = [
        over_time(
            f"Questions by {word}, for each {step}",
            starts,
            _series(rows, label, starts, step),
            shown.sources,
        )
        for label, word in ((1, "party"), (2, "family of question"))
    ]
    return section(
        "over-time",
        "Questions over time",
        *charts,
        el("details", el("summary", "The numbers as a table"), tally_table(shown, tally)),
    )


def refusals(shown: Shown) -> Element:
    """Show refusals by reason; reasons never depend on data."""
    rows = rows_of(shown, "refusals")
    most = max((n.value for row in rows for n in row.numbers if n), default=1)
    made = (
        (
            *row.labels,
            shown.sources.count(f"refusals, {', '.join(row.labels)}", row.numbers[0]),
            bar([(0, value_of(row), f"{value_of(row):,} refusals")], most),
        )
        for row in sorted(rows, key=value_of, reverse=True)
    )
    shown_table = table(("reason", "party", "refusals", ""), made, numbers=(2,))
    return section("refusals", "Refusals by reason", shown_table if rows else el("p", _NOTHING))


def budgets(shown: Shown) -> Element:
    """Show what each pool's people were promised, what is spent and what remains."""
    pools = shown.report.pools
    if not pools:
        return section("budgets", "Privacy budgets", el("p", "No pool is open."))
    rows = (_pool_row(pool, shown.sources) for pool in pools)
    heads = ("pool", "promise", "spent (ρ)", "remains (ρ)", "of (ρ)", "spent as ε", "")
    wrong = [f"{pool.owner}/{pool.pool}" for pool in pools if not pool.agrees]
    return section(
        "budgets",
        "Privacy budgets",
        el(
            "p",
            "Each pool is one owner's people. A question debits every pool whose people it is "
            "about, before it is computed, and nothing is ever given back. ρ is the loss in "
            "zero-concentrated differential privacy; ε is the same loss read at the δ promised.",
        ),
        table(heads, rows, numbers=(2, 3, 4, 5)),
        el(
            "p",
            f"Entries debit more than the ledger holds of {', '.join(wrong)}: run ",
            el("code", "cleanroom fsck"),
            class_="panel bad",
        )
        if wrong
        else None,
    )


def policies(shown: Shown) -> Element:
    """Tell every step of every policy, with its place in the log and the digest."""
    rows = (
        (
            entry_link(shown, one),
            moment(one.entry.time_s),
            one.entry.collaboration or "",
            one.entry.kind.value.removeprefix("policy_").replace("_", " "),
            one.entry.actor,
            el("code", str(one.entry.fields.get("policy_digest", ""))),
        )
        for one in shown.log.policies
    )
    heads = ("entry", "time", "collaboration", "step", "by", "policy (SHA-256)")
    made = table(heads, rows) if shown.log.policies else el("p", _NOTHING)
    return section("policies", "Policy history", made)


def data(shown: Shown) -> Element:
    """Show versions sealed and erased and withdrawals received, by dataset."""
    versions, named = shown.log.tally("versions"), rows_of(shown, "withdrawn")
    note = "Withdrawals are counted as acts; how many records they reached stays with the owner."
    return section(
        "data",
        "Data: uploads, versions, withdrawals",
        tally_table(shown, versions) if versions.rows else el("p", _NOTHING),
        el("p", note, class_="soft") if named else None,
        tally_table(shown, shown.log.tally("withdrawn")) if named else None,
    )


def access(shown: Shown) -> Element:
    """Show who was not let in, who misbehaved in the relay, and administrative acts."""
    denied, bad = shown.log.tally("denied"), shown.log.tally("misbehaved")
    acts = (
        (entry_link(shown, one), moment(one.entry.time_s), one.entry.actor, sentence(one.entry))
        for one in shown.log.acts
    )
    return section(
        "access",
        "Access and conduct",
        el("h3", denied.title),
        tally_table(shown, denied) if denied.rows else el("p", _NOTHING),
        el("h3", bad.title),
        tally_table(shown, bad) if bad.rows else el("p", _NOTHING),
        el("h3", "Administrative acts"),
        table(("entry", "time", "by", "what"), acts) if shown.log.acts else el("p", _NOTHING),
    )


def conspicuous(shown: Shown) -> Element:
    """Tell what an auditor should ask the parties about."""
    rows = (
        (
            one.kind.replace("_", " "),
            ", ".join(one.parties),
            el("div", el("p", one.what), el("p", f"Why: {one.why}.", class_="soft")),
            one.advice,
            shown.sources.number(f"entries of a {one.kind}", f"{len(one.entries)}", one.entries),
        )
        for one in shown.report.anomalies
    )
    heads = ("sort", "parties", "what", "what to do", "entries")
    return section(
        "conspicuous",
        "Conspicuous questions and lists",
        el(
            "p",
            "Found in questions as they were asked and answers as they were released. Nothing "
            "here broke a rule; it is what to ask the parties about.",
        ),
        table(heads, rows, numbers=(4,)) if shown.report.anomalies else el("p", _NOTHING),
    )


def questions(shown: Shown) -> Element:
    """List the newest questions, each with what became of it and what it cost whom."""
    told = newest(shown.log)
    left = len(shown.log.questions) - len(told)
    heads = ("entry", "time", "party", "question", "what became of it", "cost (ρ)", "policy")
    return section(
        "questions",
        "Questions one by one",
        el(
            "p",
            f"The newest {MOST_QUESTIONS:,}; {left:,} older ones are listed by ",
            el("code", "cleanroom audit list --format csv --out FILE"),
        )
        if left
        else None,
        table(heads, (_question_row(shown, one) for one in told)) if told else el("p", _NOTHING),
    )


def sources(shown: Shown) -> Element:
    """List where every number comes from."""
    rules = (el("li", el("strong", tally.title), f": {tally.rule}.") for tally in shown.log.tallies)
    return section(
        "sources",
        "Where each number comes from",
        el(
            "p",
            "Each number of this report, with the entries that it was counted from. Read an entry "
            "with ",
            el("code", "cleanroom audit show INDEX --config FILE"),
            ". What counts where:",
        ),
        el("ul", *rules),
        shown.sources.table(),
    )


SECTIONS: Final[tuple[tuple[str, str, Callable[[Shown], Element]], ...]] = (
    ("verification", "Verification", verification),
    ("summary", "Summary", summary),
    ("over-time", "Questions over time", questions_over_time),
    ("refusals", "Refusals by reason", refusals),
    ("budgets", "Privacy budgets", budgets),
    ("policies", "Policy history", policies),
    ("data", "Data: uploads, versions, withdrawals", data),
    ("access", "Access and conduct", access),
    ("conspicuous", "Conspicuous questions and lists", conspicuous),
    ("questions", "Questions one by one", questions),
    ("sources", "Where each number comes from", sources),
)


def _series(rows: Iterable[Row], label: int, starts: tuple[str, ...], step: Step) -> list[Series]:
    """Return the largest series of one label, and the others as one, summed by step."""
    rows = list(rows)
    totals: dict[str, int] = {}
    for row in rows:
        totals[row.labels[label]] = totals.get(row.labels[label], 0) + value_of(row)
    largest = sorted(totals, key=lambda name: (-totals[name], name))
    own = largest if len(largest) <= _MOST_SERIES + 1 else largest[:_MOST_SERIES]
    found: dict[str, dict[str, list[Number]]] = {name: {} for name in own}
    for row in rows:
        name = row.labels[label] if row.labels[label] in own else "others"
        at = found.setdefault(name, {}).setdefault(start_of(row.labels[0], step), [])
        at.extend(n for n in row.numbers if n is not None)
    return [
        Series(name=name, numbers=tuple(merged(by_start.get(s, [])) for s in starts))
        for name, by_start in found.items()
    ]


def _pool_row(pool: Pool, sources: Sources) -> tuple[Element | str, ...]:
    name = f"{pool.owner}/{pool.pool}"
    budget, spent, left = pool.budget, pool.spent, pool.remaining
    told = rho_text(spent.value), rho_text(max(0, left.value)), rho_text(budget.value)
    promise = epsilon = "no policy in force"
    if pool.terms is not None and pool.spent_epsilon is not None:
        promise = f"ε {decimal_text(pool.terms.epsilon)}, δ {decimal_text(pool.terms.delta)}"
        epsilon = decimal_text(pool.spent_epsilon)
    return (
        name,
        promise,
        sources.number(f"spent of {name}, ρ", told[0], spent.entries),
        sources.number(f"remains of {name}, ρ", told[1], left.entries),
        sources.number(f"budget of {name}, ρ", told[2], budget.entries),
        sources.number(f"spent of {name}, ε", epsilon, left.entries),
        bar([(0, spent.value, f"{told[0]} of {told[2]} spent")], budget.value),
    )


def _question_row(shown: Shown, asked: Asked) -> tuple[Element | str, ...]:
    put, entry = asked.put, asked.put.entry
    cost = ", ".join(
        f"{rho_text(debit.get('nano_rho'))} of {owner}/{pool}"
        for owner, pool, debit in debits_of(entry)
    )
    about = ", ".join(datasets_of(entry, put.reserved))
    policy = entry if entry.kind is EntryKind.QUESTION_RESERVED else put.reserved
    digest = "" if policy is None else short(policy.fields.get("policy_digest", ""))
    return (
        entry_link(shown, put),
        moment(entry.time_s),
        entry.actor.partition("/")[2] or entry.actor,
        f"{family_of(put)} of {about}" if about else family_of(put),
        _fate(asked),
        cost or "nothing",
        el("code", digest),
    )


def _fate(asked: Asked) -> str:
    """Say how a question ended and where that is written."""
    entry = asked.put.entry
    if (decision := decision_of(entry)) is not None:
        why = f": {reason_of(entry)}" if entry.kind is EntryKind.QUESTION_REFUSED else ""
        return f"{decision}{why}"
    ended = asked.ended
    if ended is None:
        return "not computed yet"
    return f"{decision_of(ended.entry)} in entry {ended.index}"
