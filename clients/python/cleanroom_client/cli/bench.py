"""Commands that time this machine; they need no profile and no service."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cleanroom_client.blinding.kernel import AUTO, available, named
from cleanroom_client.cli.output import say, say_json
from cleanroom_client.cli.state import guarded

if TYPE_CHECKING:
    from cleanroom_client.blinding.timing import Timing

_ITEMS = 100_000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bench = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    # With a callback Typer keeps `blind` a command of its own.
    bench.callback()(_bench)
    bench.command("blind")(blind)
    app.add_typer(bench, name="bench", help="Time this machine; needs no connection.")


def _bench() -> None:
    """Time this machine; needs no connection."""


@guarded
def blind(
    context: typer.Context,  # noqa: ARG001 - `guarded` reads --debug from it
    *,
    n: Annotated[int, typer.Option("--n", min=1_000, help="Identifiers to blind.")] = _ITEMS,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads.")] = os.cpu_count() or 1,
    path: Annotated[
        str,
        typer.Option(help="auto, avx512ifma, avx2, portable, plain or python, where it runs."),
    ] = AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Time blinding on this machine, beside the X25519 of the 'cryptography' package.

    Example: cleanroom-client bench blind --n 100000 --threads 1 --json
    """
    try:
        kernel = named(path)
    except ValueError as error:
        raise typer.BadParameter(f"--path: {error}") from None
    from cleanroom_client.blinding.timing import measure  # noqa: PLC0415 - loads Arrow

    timing = measure(kernel, n=n, threads=threads)
    if as_json:
        say_json({k: v if isinstance(v, str) else round(v) for k, v in asdict(timing).items()})
    else:
        _tell(timing)


def _tell(timing: Timing) -> None:
    say(f"path {timing.path}, of {', '.join(available())}; {timing.threads} threads")
    for what, ns in (
        ("raise to the secret", timing.scalar_mult_ns),
        ("hash to the curve", timing.hash_to_curve_ns),
        ("both", timing.blind_ns),
        ("normalise an e-mail", timing.normalise_ns),
        ("own e-mail, all three", timing.own_ns),
        ("cryptography's X25519", timing.cryptography_x25519_ns),
    ):
        say(f"  {what:<22} {ns / 1000:8.2f} µs an identifier")
    ratio = timing.cryptography_x25519_ns / timing.scalar_mult_ns
    say(f"{ratio:.1f} times as fast as cryptography's X25519 in a loop on one thread")
    own = timing.own_ns / timing.scalar_mult_ns
    say(f"an own e-mail takes {own:.2f} times as long as its multiplication alone")
