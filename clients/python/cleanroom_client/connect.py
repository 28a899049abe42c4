"""The outermost module: knows the real clock, the real entropy and the passphrase."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime

from cleanroom_client.environment import Environment

PASSPHRASE_VARIABLE = "CLEANROOM_PASSPHRASE"  # noqa: S105 - the name of a variable


def real_environment() -> Environment:
    """Return the machine's clocks and entropy."""
    return Environment(
        now=lambda: datetime.now(UTC),
        monotonic_s=time.monotonic,
        sleep_s=time.sleep,
        entropy=secrets.token_bytes,
    )


def passphrase_from_environment() -> str | None:
    """Return the keystore's passphrase, or None where the variable is unset or empty."""
    return os.environ.get(PASSPHRASE_VARIABLE) or None
