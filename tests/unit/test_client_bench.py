"""`bench blind`: figures of one run, for people and for programs."""

from __future__ import annotations

import json

import pytest

from cleanroom_client.blinding.kernel import available
from cleanroom_client.cli.app import run


@pytest.mark.parametrize("path", ["auto", *available()])
def test_every_path_is_timed_beside_cryptography(path, capsys):
    assert run(["bench", "blind", "--n", "1000", "--threads", "2", "--path", path, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures.pop("path") == (available()[0] if path == "auto" else path)
    assert figures.pop("threads") == 2
    assert set(figures) == {
        "scalar_mult_ns",
        "hash_to_curve_ns",
        "blind_ns",
        "normalise_ns",
        "own_ns",
        "cryptography_x25519_ns",
    }
    assert all(ns > 0 for ns in figures.values())


def test_people_read_a_ratio(capsys):
    assert run(["bench", "blind", "--n", "1000", "--threads", "1"]) == 0
    told = capsys.readouterr().out
    assert "times as fast as cryptography's X25519" in told
    assert "times as long as its multiplication alone" in told


def test_a_path_that_is_not_here_is_refused_in_one_sentence(capsys):
    assert run(["bench", "blind", "--path", "abacus"]) == 2
    assert "'abacus' cannot run here: use one of auto, " in capsys.readouterr().err
