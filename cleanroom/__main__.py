"""`python -m cleanroom`: the operator's command line; must not know any command."""

from __future__ import annotations

import gc

# What is imported stays to the end: looking it over for garbage takes a third of a start.
gc.disable()

from cleanroom.cli.app import main as _main  # noqa: E402 - see above

gc.freeze()
gc.enable()


def main() -> None:
    """Run the command line and exit with its code."""
    _main()


if __name__ == "__main__":
    main()
