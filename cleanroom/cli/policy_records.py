"""`cleanroom policy records`: what a regulator asks for, made of a policy and its log."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from cleanroom.cli.files import written
from cleanroom.cli.options import ConfigOption
from cleanroom.cli.stores import opened
from cleanroom.cli.terminal import say
from cleanroom.config import load_config

if TYPE_CHECKING:
    from cleanroom.analysis.record_document import Record


class Form(StrEnum):
    """How a record is written."""

    MARKDOWN = "md"
    HTML = "html"
    JSON = "json"


def records(
    config: ConfigOption,
    *,
    collaboration: Annotated[
        str, typer.Option(metavar="NAME", help="Which one, where the service has several.")
    ] = "",
    form: Annotated[Form, typer.Option("--format", help="Markdown, one HTML page, or JSON.")] = (
        Form.MARKDOWN
    ),
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to the terminal.")
    ] = None,
) -> None:
    """Write the records of processing of a collaboration (GDPR, article 30) and its consent bases.

    The policy says who, what for, about whom and how long; the verified log what became of it.
    Each figure names the entries that it follows from; none is a count of people.
    What a policy cannot know is left "(to be entered)".

    Example: cleanroom policy records --config room/server.toml --format html --out records.html
    """
    made = _record(config, collaboration)
    text = _text(made, form)
    if out is None:
        say(text, end="")
        return
    with written(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    say(f"{out}: the record of {made.collaboration}, from {made.entries} entries, verified")


def _record(config: Path, collaboration: str) -> Record:
    from cleanroom.audit.encoding import encode_base64
    from cleanroom.cli.verify import stored
    from cleanroom.usecases.records import record
    from cleanroom.wiring.environment import SystemClock

    checkpoint = stored(config, None).summary.checkpoint
    with opened(load_config(config)) as store:
        return record(
            store,
            collaboration=collaboration,
            origin=checkpoint.origin,
            entries=checkpoint.size,
            root=encode_base64(checkpoint.root),
            made_at_s=SystemClock().now_s(),
        )


def _text(made: Record, form: Form) -> str:
    from cleanroom.cli.record_markdown import record_json, record_markdown
    from cleanroom.cli.record_page import record_page

    match form:
        case Form.MARKDOWN:
            return record_markdown(made)
        case Form.HTML:
            return record_page(made)
        case Form.JSON:
            return json.dumps(record_json(made), indent=2, ensure_ascii=False) + "\n"
        case other:
            assert_never(other)
