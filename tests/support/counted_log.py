"""A log of some weeks in which every tally of a report has something to count."""

from __future__ import annotations

from cleanroom.audit.entry import EntryKind
from cleanroom.audit.rows import Found
from support.audit_logs import some_entry
from support.hostile_log import DAY


def small_log():
    """Return a log of some weeks in which every tally has something to count."""
    made = []

    def add(kind, actor="party/acme", day=0, **fields):
        entry = some_entry(
            len(made), kind=kind, actor=actor, time_s=1_772_323_200 + day * DAY, fields=fields
        )
        reserved = fields.get("reserved_entry")
        made.append(
            Found(
                index=len(made),
                entry=entry,
                reserved=None if reserved is None else made[reserved].entry,
            )
        )
        return len(made) - 1

    for number in range(24):
        actor = f"party/{('acme', 'mart', 'panel')[number % 3]}"
        debits = [
            {"ledger": "ledgers/mart/loyalty", "nano_rho": 7 + number, "remaining": 1},
            {"ledger": "ledgers/acme/crm", "nano_rho": str(2**60), "remaining": "1"},
        ]
        at = add(
            EntryKind.QUESTION_RESERVED,
            actor,
            number * 2,
            family=("ropo", "sales_lift")[number % 2],
            question_digest=f"q{number}",
            versions=[["sales", "v"], ["exposures", "v"]],
            debits=debits[: 1 + number % 2],
        )
        ending = EntryKind.QUESTION_FAILED if number % 5 == 4 else EntryKind.QUESTION_RELEASED
        if number % 7:
            add(ending, actor, number * 2, question_digest=f"q{number}", reserved_entry=at)
        if number % 4 == 0:
            add(EntryKind.QUESTION_REPEATED, "party/mart", number, reserved_entry=at)
        reason = ("BUDGET_EXHAUSTED", "QUESTION_REFUSED")[number % 2]
        add(EntryKind.QUESTION_REFUSED, actor, number, family="ropo", reason=reason)
        add(EntryKind.VERSION_SEALED, actor, dataset=f"d{number % 3}")
    add(EntryKind.UPLOAD_STARTED, dataset="d1", upload="u")
    add(EntryKind.VERSION_ERASED, dataset="d1", version="v")
    add(EntryKind.CONSENT_WITHDRAWN, dataset="d1", references=12)
    add(EntryKind.CONSENT_WITHDRAWN, dataset="d1", references=30)
    add(EntryKind.AUTHENTICATION_FAILED, "unknown", why="denied")
    add(EntryKind.RELAY_MISBEHAVED, party="mart", why="two secrets")
    add(EntryKind.ADMINISTRATIVE, "operator/operator", why="looked")
    add(EntryKind.POLICY_IN_FORCE, policy_digest="d")
    return made
