"""`cleanroom-client` and `python -m cleanroom_client`: the partner's command line."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    # gRPC writes its own lines to stderr unless told otherwise before it is imported; what they
    # say is in the one sentence of a failure.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What is imported stays to the end: looking it over for garbage takes a third of a start.
    gc.disable()
    from cleanroom_client.cli.app import run  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
