"""Entries whose every text tries to become markup, a script, a formula or a terminal sequence."""

from __future__ import annotations

from cleanroom.audit.entry import EntryKind
from support.audit_logs import some_entry

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    "=HYPERLINK(1)",
    "\x1b[31m\x00\u202eevil",
    "{{7*7}}",
    "http://example.invalid/x.png",
)
DAY = 86_400


def hostile_entries():
    """Return entries of every kind, each field holding each text once."""
    made = []
    for text in HOSTILE:
        for kind in EntryKind:
            made.append(_entry(len(made), kind, text))
    return made


def _entry(number, kind, text):
    digest = f"{number:064x}"
    fields = {
        "question_digest": digest,
        "family": text,
        "reason": text,
        "why": text,
        "party": text,
        "dataset": text,
        "datasets": [text],
        "versions": [[text, text]],
        "policy_digest": text,
        "references": number,
        "debits": [{"ledger": "ledgers/megamart/loyalty", "nano_rho": number, "remaining": text}],
        text: text,
    }
    return some_entry(
        number,
        kind=kind,
        time_s=1_760_000_000 + number * DAY // 3,
        actor=f"party/{text}",
        collaboration=text,
        fields=fields,
    )
