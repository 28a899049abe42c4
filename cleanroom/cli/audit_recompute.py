"""`cleanroom audit recompute`: one bit on whether a release is its data plus the stated noise."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import say
from cleanroom.config import load_config

_CODES: Final = {"plausible": 0, "implausible": 1, "not possible": 2}


def recompute(
    config: ConfigOption,
    entry: Annotated[
        int, typer.Argument(metavar="ENTRY", min=0, help="A question_released entry's index.")
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Compute a released question again and say whether its values are the data plus stated noise.

    No exact value and no p-value is shown: an honest release is called plausible but once in
    1e12, so that the answer tells nothing of the data. The act is logged. Exits with 0 for
    plausible, 1 for implausible, 2 where it is not possible.

    Example: cleanroom audit recompute 31 --config room/server.toml
    """
    from cleanroom.model.names import Actor, ActorKind
    from cleanroom.usecases.recompute import recompute as judge
    from cleanroom.wiring.build import build_service

    known = load_config(config)
    operator = Actor(trust_domain=known.trust_domain, kind=ActorKind.OPERATOR, name="operator")
    with opened(known) as store:
        told = judge(build_service(known, store), operator, entry)
    if as_json:
        say(json.dumps({"entry": entry, "verdict": told.verdict, "why": list(told.why)}, indent=2))
    else:
        say(f"entry {entry}: {told.verdict}")
        for why in told.why:
            say(f"  {why}")
    raise typer.Exit(_CODES[told.verdict])
