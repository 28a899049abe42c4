"""What a partner offers for a question; knows no question and no connection."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from cleanroom.v1 import analysis_pb2 as pb
from cleanroom_client.errors import QuestionInvalid

Amount: TypeAlias = str | int | float | Decimal
"""A decimal number; text and Decimal arrive digit by digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The most that any ledger may be debited, as rho or as epsilon; neither: the policy's."""

    rho: Amount | None = None
    epsilon: Amount | None = None

    def __post_init__(self) -> None:
        """Refuse two losses at once, and what is not a positive number."""
        if self.rho is not None and self.epsilon is not None:
            raise QuestionInvalid("give the loss as rho or as epsilon, not both")
        for name in ("rho", "epsilon"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, positive(name, value))

    def fill(self, analysis: pb.Analysis) -> None:
        """Write the loss into a request."""
        if self.rho is not None:
            analysis.rho = str(self.rho)
        if self.epsilon is not None:
            analysis.epsilon = str(self.epsilon)


def positive(name: str, value: Amount) -> str:
    """Return plain decimal text, as in 0.004; raises QuestionInvalid."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise QuestionInvalid(f"{name}: expected a decimal number, as in 0.5") from None
    if not number.is_finite() or number <= 0:
        raise QuestionInvalid(f"{name}: expected a number above zero")
    return f"{number:f}"
