"""What the options before the command say, and how every command ends; knows no command."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import typer
from cryptography.exceptions import UnsupportedAlgorithm

from cleanroom.audit.errors import AuditError
from cleanroom_client.blinding import BadPoint, WorkerDied
from cleanroom_client.blinding.certificates import NotBelieved
from cleanroom_client.cli.output import complain, say_json
from cleanroom_client.cli.progress import Bars
from cleanroom_client.errors import ClientError, RoomError
from cleanroom_client.keystore import KeystoreError
from cleanroom_client.refusals import refusal_in_words, refusal_json
from cleanroom_client.room import CleanRoom
from cleanroom_client.tables import BadInput
from cleanroom_client.transport import Patience

EXPECTED = (
    AuditError,
    BadInput,
    BadPoint,
    ClientError,
    KeystoreError,
    NotBelieved,
    UnsupportedAlgorithm,
    WorkerDied,
)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that stand before the command."""

    profile: Path | None
    timeout_s: float
    quiet: bool
    debug: bool

    def room(self) -> CleanRoom:
        """Return a room for the profile; a usage error without one."""
        if self.profile is None:
            raise typer.BadParameter("this command needs --profile FILE before it")
        give_up_s = min(self.timeout_s, Patience().give_up_s)
        patience = Patience(timeout_s=self.timeout_s, give_up_s=give_up_s)
        return CleanRoom.connect(self.profile, patience=patience)

    def bars(self) -> Bars:
        """Return progress bars on stderr, silent with --quiet or without a terminal."""
        return Bars(quiet=self.quiet)


def settings_of(context: typer.Context) -> Settings:
    """Return the settings that the options before the command made."""
    settings = context.find_object(Settings)
    if settings is None:
        raise AssertionError("a command runs after the application's callback")
    return settings


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Make a command end with one sentence and exit code 1 where it fails.

    What is not expected is named by its type only: its text might hold a row's values.
    """
    return _guarded(command, failed=1)


def guarded_for_scripts(command: Callable[P, R]) -> Callable[P, R]:
    """Do as `guarded` with exit code 2, where 1 says that there is something to look at."""
    return _guarded(command, failed=2)


def _guarded(command: Callable[P, R], failed: int) -> Callable[P, R]:
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (typer.Abort, typer.BadParameter, typer.Exit, BrokenPipeError):
            raise  # Typer's own, and a reader such as `head` that has seen enough
        except Exception as error:
            if _is_debugging(kwargs):
                raise
            if kwargs.get("as_json") and isinstance(error, RoomError):
                say_json({"error": refusal_json(error)})
            complain(*_sentences(error))
            raise typer.Exit(failed) from None

    return run


def _is_debugging(arguments: Mapping[str, object]) -> bool:
    # Every command takes its context under this name; Typer's own class is not `typer.Context`.
    return settings_of(cast("typer.Context", arguments["context"])).debug


def _sentences(error: Exception) -> list[str]:
    if isinstance(error, RoomError) and error.reasons:
        return refusal_in_words(error)
    return [_sentence(error)]


def _sentence(error: Exception) -> str:
    if isinstance(error, EXPECTED):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: {error.strerror or 'cannot be used'}"
    return f"unexpected {type(error).__name__}: repeat with --debug to see where"
