"""Progress bars on stderr; one line for each stage, nothing where nobody is looking."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cleanroom_client.cli.output import error_console


class Bars:
    """Shows stages as they are reported; a context manager that clears the lines it drew."""

    def __init__(self, *, quiet: bool) -> None:
        """Show nothing with `quiet` or where stderr is no terminal."""
        console = error_console()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing."""
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Show how far a stage is."""
        count = f"{done:,}" if done else ""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, count=count)
        self._progress.update(self._tasks[stage], completed=done, total=total, count=count)  # type: ignore[arg-type] # TaskID is an int
