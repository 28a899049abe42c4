"""What a witness must never forget: the largest tree it cosigned of each log, in one file.

Must not know HTTP or keys. One process at a time; the file is replaced whole, durable before
anything rests on it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cleanroom.audit.checkpoint import Checkpoint
from cleanroom.audit.encoding import (
    Json,
    decode_base64,
    decode_canonical,
    decode_decimal,
    encode_base64,
    encode_canonical,
)

VERSION: Final = "cleanroom-witness/v1"
_UNFINISHED: Final = ".unfinished"


class WitnessUnusable(Exception):
    """The witness's folder is missing, damaged, in use or incomplete; one sentence."""


class WitnessState:
    """The trees by origin; a change is durable when `remember` returns."""

    __slots__ = ("_path", "_trees")

    def __init__(self, path: Path) -> None:
        """Read the file; raises WitnessUnusable when there is none: it may have been lost.

        A witness that began anew would cosign a log's second history.
        """
        self._path = path
        self._trees = _read(path)

    @property
    def trees(self) -> Mapping[str, Checkpoint]:
        """The largest tree cosigned of each log."""
        return self._trees

    def remember(self, checkpoint: Checkpoint) -> None:
        """Make this the largest tree of its log; durable on return.

        Requires: it continues the one before, and nobody else remembers meanwhile.
        """
        trees = {**self._trees, checkpoint.origin: checkpoint}
        # A crash before the rename leaves the old file: nothing was cosigned yet, and the log
        # asks again. A crash after it leaves the new one: the same request gets its signature.
        _write(self._path, trees)
        self._trees = trees


def create_state(path: Path) -> None:
    """Write the state of a witness that has seen nothing; raises FileExistsError."""
    with path.open("xb"):
        pass
    _write(path, {})


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a witness's folder; raises WitnessUnusable when another process holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise WitnessUnusable(f"{folder}: {error.strerror}: run `cleanroom witness init`") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise WitnessUnusable(f"{folder} is in use by another witness process") from None
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Checkpoint]:
    try:
        data = path.read_bytes()
    except OSError as error:
        why = f"{path}: {error.strerror}: a witness without its memory must not sign, restore it"
        raise WitnessUnusable(why) from None
    try:
        value = decode_canonical(data)
        if not isinstance(value, Mapping) or value.get("!v") != VERSION or len(value) != 2:  # noqa: PLR2004 # version and trees
            raise ValueError("another version")  # noqa: TRY301 # every flaw is one refusal
        return {origin: _tree(origin, tree) for origin, tree in _object(value["trees"]).items()}
    except (ValueError, KeyError):
        raise WitnessUnusable(
            f"{path}: it is damaged or not a witness's state: restore it"
        ) from None


def _write(path: Path, trees: Mapping[str, Checkpoint]) -> None:
    value: dict[str, Json] = {
        "!v": VERSION,
        "trees": {
            origin: {"root": encode_base64(tree.root), "size": str(tree.size)}
            for origin, tree in trees.items()
        },
    }
    unfinished = path.with_name(path.name + _UNFINISHED)
    with unfinished.open("wb") as file:
        file.write(encode_canonical(value))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tree(origin: str, value: Json) -> Checkpoint:
    tree = _object(value)
    size, root = tree["size"], tree["root"]
    if not isinstance(size, str) or not isinstance(root, str):
        raise ValueError("size and root are text")  # noqa: TRY004 # every flaw is one refusal
    return Checkpoint(origin=origin, size=decode_decimal(size), root=decode_base64(root))


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise ValueError("expected an object")  # noqa: TRY004 # every flaw is one refusal
    return value
