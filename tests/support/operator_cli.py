"""The operator's command line in this process."""

from __future__ import annotations

import pytest

from cleanroom.cli.app import main


def run(capsys, *arguments):
    """Return exit code, stdout and stderr of one command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err
