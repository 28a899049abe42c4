"""What the store itself refuses; must not know callers, and none of it reaches a party by name."""

from __future__ import annotations


class StoreMisused(Exception):
    """A caller broke a port's promise: a duplicate, an unknown name, a write while reading."""


class StoreUnusable(Exception):
    """The database cannot be trusted as it is: unknown schema, or a setting that did not take."""
