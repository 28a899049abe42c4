"""`cleanroom audit report`: verify the log, count it, and write one page for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.cli.files import written
from cleanroom.cli.log_keys import given_witnesses
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import say
from cleanroom.cli.verify import AgainstOption, WitnessKeyOption, stored
from cleanroom.config import load_config

if TYPE_CHECKING:
    from cleanroom.cli.report_data import Standing


def report(
    config: ConfigOption,
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The page; what was there is replaced.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the page's data as JSON, without the page.")
    ] = False,
    against: AgainstOption = None,
    witness_key: WitnessKeyOption = None,
) -> None:
    """Verify the log and write a report on it: one HTML file that needs nothing else.

    Each number links to the entries that it was counted from. A log that does not verify gets no
    report.

    Example: cleanroom audit report --config room/server.toml --out report.html
    """
    from cleanroom.cli.report_data import report_json
    from cleanroom.cli.report_page import report_page
    from cleanroom.usecases.audit_report import audit_report

    standing = _verified(config, against, witness_key or [])
    with opened(load_config(config)) as store:
        made = audit_report(store, standing.size)
    data = report_json(made, standing)
    text = json.dumps(data, indent=2) + "\n" if as_json else report_page(made, standing, data)
    with written(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    say(f"{out}: a report on {standing.size} entries, verified")


def _verified(config: Path, against: Path | None, witness_key: Sequence[str]) -> Standing:
    from cleanroom.audit.cosignature import cosignatures, require_quorum
    from cleanroom.audit.encoding import encode_base64
    from cleanroom.cli.report_data import Standing
    from cleanroom.wiring.environment import SystemClock
    from cleanroom.wiring.opening import log_keys

    witnesses = given_witnesses(witness_key, None)
    found = stored(config, None if against is None else against.read_bytes())
    require_quorum(found.note, witnesses, len(witnesses))
    checkpoint = found.summary.checkpoint
    return Standing(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=encode_base64(checkpoint.root),
        note=found.note.decode("utf-8"),
        keys=tuple(key.text for key in log_keys(load_config(config).log)),
        cosigned=tuple((c.witness, c.time_s) for c in cosignatures(found.note, witnesses)),
        continues=None if against is None else str(against),
        made_at_s=SystemClock().now_s(),
    )
