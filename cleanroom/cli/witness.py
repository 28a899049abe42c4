"""`cleanroom witness`: cosigns other organisations' logs, so that they cannot show two histories."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from cleanroom.cli.log_keys import given_text
from cleanroom.cli.terminal import say

LISTEN: Final = "127.0.0.1:8450"

app = typer.Typer(
    help="Cosign logs that only grow, for their readers to trust.", no_args_is_help=True
)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's folder.")]


@app.command()
def init(
    folder: FolderArgument,
    *,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Its name in cosignatures, as witness.example/w1.")
    ],
    log_key: Annotated[
        str,
        typer.Option(metavar="KEY", help="A log's verifier key, or a file of them, a line each."),
    ],
) -> None:
    """Make a witness's key, the list of logs that it watches, and its memory of them.

    Example: cleanroom witness init witness --name witness.example/w1 --log-key log.vkey
    """
    from cleanroom.witness.folder import create_witness

    public = create_witness(folder, name, given_text(log_key))
    say(f"made {folder}; give this key to the logs and to their readers:")
    say(public)
    say(f"next: cleanroom witness serve {folder}")


@app.command()
def serve(
    folder: FolderArgument,
    *,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to answer; port 0 is any free one.")
    ] = LISTEN,
) -> None:
    """Answer C2SP tlog-witness requests until Ctrl-C or SIGTERM.

    Plain HTTP: put a proxy with TLS in front of it. It refuses logs that it does not know, forks
    and rollbacks. Its folder must never be put back to an older copy: it would sign a fork.

    Example: cleanroom witness serve witness --listen 127.0.0.1:8450
    """
    import signal

    from cleanroom.config import check_listen
    from cleanroom.wiring.environment import SystemClock
    from cleanroom.witness.folder import WitnessFolder, load_logs, load_signer
    from cleanroom.witness.server import make_server
    from cleanroom.witness.state import WitnessState, alone
    from cleanroom.witness.witness import Witness

    host, _, port = check_listen(listen).rpartition(":")
    place = WitnessFolder(root=folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with alone(folder):
        logs, signer = load_logs(place), load_signer(place)
        witness = Witness(signer, logs, WitnessState(place.state), SystemClock().now_s)
        public = place.public.read_text(encoding="utf-8").strip()
        with make_server(host.strip("[]"), int(port), witness, public) as server:
            say(f"witness {signer.name} answers on {host}:{server.server_address[1]}")
            _flush()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                say("stopped")


def _flush() -> None:
    import sys

    sys.stdout.flush()
