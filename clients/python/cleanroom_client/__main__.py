"""`cleanroom-client` and `python -m cleanroom_client`: the partner's command line."""

from __future__ import annotations

import sys

from cleanroom_client.cli.app import run


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
