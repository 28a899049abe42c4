"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OptionalConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The server's configuration (TOML)."),
]
ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The server's configuration (TOML).")
]
LogKeyOption = Annotated[
    str | None,
    typer.Option(
        "--log-key",
        metavar="KEY",
        help="The log's verifier key, name+id+key, or a file that holds it, a line for each key.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
