"""Days and times as a person writes them; must not know which command asks."""

from __future__ import annotations

from datetime import UTC, datetime

import typer


def seconds(text: str, option: str) -> int:
    """Return unix seconds of a day or time, UTC unless it says otherwise; a usage error else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "expected a day or time such as 2026-03-01 or 2026-03-01T12:00", param_hint=option
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
