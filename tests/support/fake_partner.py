"""Partners for tests of the SDK: profiles on the fake service, and small tables."""

from __future__ import annotations

import pandas as pd

from cleanroom_client import CleanRoom, Patience

PATIENCE = Patience(timeout_s=20.0, give_up_s=3.0)


def connect(room, folder, *, who="acme-brand", patience=PATIENCE, **kwargs):
    """Return a CleanRoom of `who`, whose profile is made if it is not there."""
    path = folder / f"{who}.toml"
    if not path.exists():
        room.profile(folder, who=who, **kwargs)
    return CleanRoom.connect(path, patience=patience)


def join(room, folder):
    """Let both parties accept, so that a policy is in force."""
    for who in ("acme-brand", "megamart"):
        with connect(room, folder, who=who) as partner:
            partner.accept()


def exposures(rows):
    """A table for the dataset `exposures`, every person once."""
    return pd.DataFrame(
        {
            "email": [f"person{i}@example.com" for i in range(rows)],
            "city": ["ufa", "kazan", "elsewhere"] * (rows // 3) + ["ufa"] * (rows % 3),
            "arm": ["test" if i % 2 else "control" for i in range(rows)],
            "purposes": "measurement",
            "consent_at": "2026-01-01",
            "consent_until": "2027-01-01",
        }
    )


def write_csv(path, rows=6, **kwargs):
    exposures(rows).to_csv(path, index=False, **kwargs)
    return path
