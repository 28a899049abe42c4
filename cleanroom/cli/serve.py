"""`cleanroom serve`: the server in the foreground."""

from __future__ import annotations

import os

from cleanroom.cli.options import ConfigOption


def serve(config: ConfigOption) -> None:
    """Serve until SIGTERM or Ctrl-C, then let calls under way end.

    Prints one line when it takes calls; everything else goes to stderr as JSON lines.

    Example: cleanroom serve --config room/server.toml
    """
    # Before it is imported: gRPC's own lines would stand between the JSON lines.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from cleanroom.config import load_config
    from cleanroom.wiring.logs import log_to_stderr
    from cleanroom.wiring.serve import serve as run

    log_to_stderr()
    run(load_config(config))
