"""What keeps a service from being put together; must not know who is told."""

from __future__ import annotations


class CannotServe(Exception):
    """A file, a key or the data folder is not as the service needs it; one sentence."""
