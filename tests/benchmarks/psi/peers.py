"""Other makers' systems on the same files: each in its own environment, as its makers call it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.psi.costs import CommandFailed, side_by_side
from benchmarks.psi.files import Files
from benchmarks.psi.results import Result
from support.peer_rooms import PeerMissing, peer_environment, peer_python

_SCRIPTS = Path(__file__).parent / "scripts"
# SPU leaves one of these wherever TMPDIR points.
_TRACES, _TRACE = Path("/tmp"), "psi_*.trace"

Commands = Callable[[Path, Path, Files], Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A system: the commands that run at once, given an interpreter, a folder and the files."""

    name: str
    package: str
    version: str
    commands: Commands
    leaks: str


def run_peer(peer: Peer, folder: Path, files: Files) -> Result:
    """Install the peer if need be and time it; a result without a cost says why it did not run."""
    kept = frozenset(_TRACES.glob(_TRACE))
    try:
        python = peer_python(peer.package)
        cost, outputs = side_by_side(
            peer.commands(python, folder, files), {**peer_environment(), "TMPDIR": str(folder)}
        )
    except PeerMissing as missing:
        return _without(peer, f"not installed: {missing}")
    except CommandFailed as failure:
        return _without(peer, f"failed: {_reason(str(failure))}")
    finally:
        for trace in frozenset(_TRACES.glob(_TRACE)) - kept:
            trace.unlink(missing_ok=True)
    found = _found(outputs[0])
    if found != files.shared:
        return _without(peer, f"found {found} of {files.shared}")
    return Result(
        name=peer.name, version=peer.version, cost=cost, found=f"{found:,}", leaks=peer.leaks
    )


def _found(output: str) -> int:
    """Return the number in the scripts' line `found NUMBER`, among what their loggers write."""
    (line,) = (line for line in output.splitlines() if line.startswith("found "))
    return int(line.removeprefix("found "))


def _reason(output: str) -> str:
    """Return the exception's line of a traceback; their loggers write after it."""
    lines = output.strip().splitlines()
    return next((line for line in lines if line.split(":")[0].endswith("Error")), lines[-1])


def _without(peer: Peer, why: str) -> Result:
    return Result(name=peer.name, version=peer.version, missing=why, leaks=peer.leaks)


def _openmined(python: Path, _: Path, files: Files) -> Sequence[Sequence[str]]:
    return [(str(python), str(_SCRIPTS / "openmined_both.py"), str(files.left), str(files.right))]


def _spu(curve: str) -> Commands:
    def commands(python: Path, folder: Path, files: Files) -> Sequence[Sequence[str]]:
        addresses = _free_addresses()
        script = (str(python), str(_SCRIPTS / "spu_party.py"), curve, *addresses)
        inputs = (files.left, files.right)
        return [
            (*script, str(rank), str(csv), str(folder / f"spu-{curve}-{rank}.csv"))
            for rank, csv in enumerate(inputs)
        ]

    return commands


def _free_addresses() -> tuple[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        return f"127.0.0.1:{a.getsockname()[1]}", f"127.0.0.1:{b.getsockname()[1]}"


SPU = Peer(
    name="SecretFlow SPU, ECDH Curve25519",
    package="spu",
    version="0.9.5",
    commands=_spu("CURVE_25519"),
    leaks="the receiver: the intersection; the other party: of every item one bit, as "
    "SHA-256(id) is taken as x without hashing to the curve",
)
SPU_ELLIGATOR2 = Peer(
    name="SecretFlow SPU, ECDH Curve25519 with Elligator 2",
    package="spu",
    version="0.9.5",
    commands=_spu("CURVE_25519_ELLIGATOR2"),
    leaks="the receiver: the intersection",
)
OPENMINED = Peer(
    name="OpenMined PSI, P-256, one thread",
    package="openmined",
    version="2.0.6",
    commands=_openmined,
    leaks="the client: the intersection; both: sizes",
)
