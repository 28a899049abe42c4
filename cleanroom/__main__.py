"""`cleanroom` and `python -m cleanroom`: the operator's command line; must not know any command."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line and exit with its code."""
    # What is imported stays to the end: looking it over for garbage takes a third of a start.
    gc.disable()
    from cleanroom.cli.app import main as run  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
