"""`cleanroom audit report`: verify the log, count it, and write one page for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.cli.files import written
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import progress, say
from cleanroom.config import Config, load_config

if TYPE_CHECKING:
    from cleanroom.cli.report_data import Standing
    from cleanroom.storage.sqlite import SqlStore


def report(
    config: ConfigOption,
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The page; what was there is replaced.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the page's data as JSON, without the page.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="NOTE", help="A checkpoint kept earlier: the log must continue it."),
    ] = None,
) -> None:
    """Verify the log and write a report on it: one HTML file that needs nothing else.

    Each number links to the entries that it was counted from. A log that does not verify gets no
    report.

    Example: cleanroom audit report --config room/server.toml --out report.html
    """
    from cleanroom.cli.report_data import report_json
    from cleanroom.cli.report_page import report_page
    from cleanroom.usecases.audit_report import audit_report

    known = load_config(config)
    with opened(known) as store:
        standing = _verified(known, store, against)
        made = audit_report(store, standing.size)
    data = report_json(made, standing)
    text = json.dumps(data, indent=2) + "\n" if as_json else report_page(made, standing, data)
    with written(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    say(f"{out}: a report on {standing.size} entries, verified")


def _verified(config: Config, store: SqlStore, against: Path | None) -> Standing:
    from cleanroom.audit.encoding import encode_base64
    from cleanroom.audit.note import verifier_of
    from cleanroom.cli.log_check import verify_stored_log
    from cleanroom.cli.report_data import Standing, signers_of
    from cleanroom.wiring.environment import SystemClock
    from cleanroom.wiring.opening import load_signer

    signer = load_signer(config.log)
    earlier = None if against is None else against.read_bytes()
    with progress() as bar:
        task = bar.add_task("entries verified", total=None)
        found = verify_stored_log(
            store,
            signer,
            against=earlier,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )
    note = found.note.decode("utf-8")
    return Standing(
        origin=found.summary.checkpoint.origin,
        size=found.summary.checkpoint.size,
        root=encode_base64(found.summary.checkpoint.root),
        note=note,
        key=verifier_of(signer).text,
        signers=signers_of(note),
        continues=None if against is None else str(against),
        made_at_s=SystemClock().now_s(),
    )
