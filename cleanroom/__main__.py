"""`python -m cleanroom`: the operator's command line; must not know any command."""

from __future__ import annotations

from cleanroom.cli.app import main

if __name__ == "__main__":
    main()
