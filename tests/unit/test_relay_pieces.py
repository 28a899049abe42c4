"""Lists in pieces: what is cut is named, and comes back whole."""

from __future__ import annotations

import numpy as np
import pytest

from cleanroom.usecases import pieces
from cleanroom.usecases.elements import gathered, unpack
from cleanroom.usecases.pieces import names_of, pieces_of


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 23])
def test_what_is_cut_comes_back_under_the_names_that_its_number_gives(monkeypatch, count):
    monkeypatch.setattr(pieces, "PIECE_POINTS", 8)
    points = np.random.default_rng(count).integers(0, 256, (count, 32), dtype=np.uint8)
    blobs = dict(pieces_of("origin-email-0", points))
    assert list(blobs) == names_of("origin-email-0", count)
    assert all(0 < len(data) <= 8 * 32 for data in blobs.values())
    again = (unpack(blobs[name], name) for name in names_of("origin-email-0", count))
    assert (gathered(again, np.empty_like(points)) == points).all()


@pytest.mark.parametrize("room_for", [4, 6])
def test_a_list_of_another_length_than_was_kept_is_not_taken(room_for):
    points = np.zeros((5, 32), dtype=np.uint8)
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own, or ours
        gathered([points], np.empty((room_for, 32), dtype=np.uint8))
