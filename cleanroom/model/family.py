"""The families of questions that a policy grants; must not know the questions."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """What may be asked; the policy grants families to parties."""

    MATCH_RATE = "match_rate"
    SEGMENT_SIZE = "segment_size"
    SALES_LIFT = "sales_lift"
