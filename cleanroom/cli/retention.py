"""`cleanroom retention`: what was kept long enough, shown or erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.terminal import say, show_table

if TYPE_CHECKING:
    from cleanroom.usecases.retention import Due

app = typer.Typer(help="Erase what the policies keep no longer.", no_args_is_help=True)

_SHORT = 32
_HEAD = ("act", "what", "collaboration", "dataset", "due since", "why", "state")


@app.command()
def run(
    config: ConfigOption,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is due; change nothing.")
    ] = False,
    early: Annotated[
        bool,
        typer.Option(
            "--early", help="Remove people who withdrew as soon as no question may use them."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Do once what the service does by itself: erase what is due, and tell it.

    Versions and measurements after the days of the policy in force, rows of
    people who withdrew before `retention.withdrawn_days` are over, uploads that
    were begun and not sealed. The service may be running. Exits with 1 when
    something failed; the next run tries it again.

    Example: cleanroom retention run --config room/server.toml --dry-run
    """
    from cleanroom.cli.stores import opened
    from cleanroom.config import load_config
    from cleanroom.usecases.retention import due
    from cleanroom.wiring.build import build_service
    from cleanroom.wiring.keeper import run_once

    loaded = load_config(config)
    days = loaded.retention.unfinished_days
    with opened(loaded) as store:
        service = build_service(loaded, store)
        if dry_run:
            found = due(service, unfinished_days=days, early=early)
            _show([(one, "due") for one in found], as_json=as_json)
            return
        done = run_once(service, loaded.data, days, early=early)
        acts = [(one, "done" if is_done else "has to wait") for one, is_done in done]
    _show(acts, as_json=as_json)


def _show(acts: Sequence[tuple[Due, str]], *, as_json: bool) -> None:
    if as_json:
        import json
        from dataclasses import asdict

        say(json.dumps([asdict(one) | {"state": state} for one, state in acts], indent=2))
        return
    if not acts:
        say("nothing is due")
        return
    show_table(_HEAD, [_row(one, state) for one, state in acts], head=2)


def _row(one: Due, state: str) -> tuple[str, ...]:
    since = datetime.fromtimestamp(one.since_s, UTC).strftime("%Y-%m-%d %H:%M")
    what = one.what[:_SHORT]  # a digest is told by its beginning
    return (one.act, what, one.collaboration, one.dataset, since, one.why, state)
