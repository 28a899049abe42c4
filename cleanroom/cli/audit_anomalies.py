"""`cleanroom audit anomalies`: what an auditor should look at, each with its entries."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from cleanroom.cli.options import ConfigOption, JsonOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import plain, say
from cleanroom.config import load_config

if TYPE_CHECKING:
    from cleanroom.analysis.anomalies import Anomaly

_WIDTH: Final = 80
_NOTHING: Final = (
    "nothing conspicuous: no questions whose differences tell of few, no repetitions, no odd lists"
)


def anomalies(config: ConfigOption, *, as_json: JsonOption = False) -> None:
    """List questions whose differences tell of few people, repetitions, and odd lists.

    Read from questions as asked and answers as released; no exact number is used or shown. What
    is listed broke no rule: it is what an auditor asks the parties about.

    Example: cleanroom audit anomalies --config room/server.toml
    """
    from cleanroom.usecases.anomalies import anomalies as looked_for

    with opened(load_config(config)) as store:
        found = looked_for(store)
    if as_json:
        say(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        _tell(one)
    say(f"{len(found)} to look at" if found else _NOTHING)


def _tell(one: Anomaly) -> None:
    entries = ", ".join(map(str, one.entries))
    say(f"{one.kind.replace('_', ' ')}: {', '.join(one.parties)} in {one.collaboration}")
    for label, text in (
        ("what", one.what),
        ("why", one.why),
        ("do", one.advice),
        ("entries", entries),
    ):
        lines = textwrap.wrap(plain(text), _WIDTH - 11) or [""]
        say(f"  {label:<8} {lines[0]}")
        for line in lines[1:]:
            say(f"           {line}")
    say("")
