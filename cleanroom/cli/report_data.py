"""The report as data: what the page shows, for programs; must not know the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from cleanroom.analysis.log_report import Asked, LogReport, Number, Tally
from cleanroom.audit.rows import Found, as_json
from cleanroom.audit.words import sentence, when
from cleanroom.cli.report_parts import ranges
from cleanroom.rpc.text import decimal_text
from cleanroom.usecases.audit_report import AuditReport, Pool

VERSION: Final = "cleanroom-audit-report/v1"
MOST_QUESTIONS: Final = 1_000  # told one by one, the newest; a list of all is `audit list`


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was verified before anything was counted.

    `note` is the checkpoint as signed by one of `keys`; `cosigned` are the witnesses whose keys
    were given and whose signatures hold, with the unix seconds they state.
    """

    origin: str
    size: int
    root: str
    note: str
    keys: tuple[str, ...]
    cosigned: tuple[tuple[str, int], ...]
    continues: str | None
    made_at_s: int


def report_json(report: AuditReport, standing: Standing) -> dict[str, Any]:
    """Return the whole report as plain JSON; entries are given as runs such as `3, 7-9`."""
    log = report.log
    return {
        "!v": VERSION,
        "made_at": when(standing.made_at_s),
        "verification": {
            "origin": standing.origin,
            "size": standing.size,
            "root": standing.root,
            "keys": list(standing.keys),
            "cosigned": [{"witness": name, "time": when(at)} for name, at in standing.cosigned],
            "continues": standing.continues,
            "checkpoint": standing.note,
        },
        "first_time": None if log.first_time_s is None else when(log.first_time_s),
        "last_time": None if log.last_time_s is None else when(log.last_time_s),
        "tallies": {tally.id: _tally(tally) for tally in log.tallies},
        "pools": [_pool(pool) for pool in report.pools],
        "policies": [as_json(one) for one in log.policies],
        "acts": [as_json(one) for one in log.acts],
        "anomalies": [asdict(one) for one in report.anomalies],
        "questions": [_asked(one) for one in newest(log)],
    }


def newest(log: LogReport) -> tuple[Asked, ...]:
    """Return the questions that are told one by one, oldest first."""
    return log.questions[-MOST_QUESTIONS:]


def _number(number: Number | None) -> dict[str, Any] | None:
    if number is None:
        return None
    return {"value": number.value, "entries": ", ".join(ranges(number.entries))}


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "title": tally.title,
        "rule": tally.rule,
        "labels": list(tally.labels),
        "columns": list(tally.columns),
        "rows": [
            {"labels": list(row.labels), "numbers": [_number(n) for n in row.numbers]}
            for row in tally.rows
        ],
    }


def _pool(pool: Pool) -> dict[str, Any]:
    terms: Mapping[str, str] = {}
    if pool.terms is not None and pool.spent_epsilon is not None:
        terms = {
            "epsilon": decimal_text(pool.terms.epsilon),
            "delta": decimal_text(pool.terms.delta),
            "spent_epsilon": decimal_text(pool.spent_epsilon),
        }
    return {
        "owner": pool.owner,
        "pool": pool.pool,
        "budget_nano_rho": _number(pool.budget),
        "spent_nano_rho": _number(pool.spent),
        "remaining_nano_rho": _number(pool.remaining),
        "agrees_with_ledger": pool.agrees,
        **terms,
    }


def _asked(asked: Asked) -> dict[str, Any]:
    ended: Found | None = asked.ended
    return {
        "put": as_json(asked.put),
        "said": sentence(asked.put.entry),
        "ended_in": None if ended is None else ended.index,
    }
