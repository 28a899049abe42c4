"""LedgerService: convert, call, convert."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import grpc

from cleanroom.privacy.loss import epsilon_of
from cleanroom.rpc.identity import Identities
from cleanroom.rpc.text import decimal_text
from cleanroom.usecases import inspect
from cleanroom.usecases.inspect import LedgerView
from cleanroom.usecases.service import Service
from cleanroom.v1 import ledger_pb2 as pb
from cleanroom.v1.ledger_pb2_grpc import LedgerServiceServicer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LedgerServicer(LedgerServiceServicer):
    """Balances of the caller's own people."""

    service: Service
    identities: Identities

    def ListBalances(
        self, request: pb.ListBalancesRequest, context: grpc.ServicerContext
    ) -> pb.ListBalancesResponse:
        """See ledger.proto."""
        del request  # it has no fields
        views = inspect.balances(self.service, self.identities.actor(context))
        return pb.ListBalancesResponse(balances=[_balance(v) for v in views])


def _balance(view: LedgerView) -> pb.LedgerBalance:
    balance, terms = view.balance, view.terms
    message = pb.LedgerBalance(
        ledger=str(balance.ledger),
        budget_nano_rho=balance.budget,
        spent_nano_rho=balance.spent,
    )
    if terms is not None:
        spent = epsilon_of(balance.spent, terms.delta) if balance.spent else Fraction(0)
        message.spent_epsilon = decimal_text(spent)
        message.budget_epsilon = decimal_text(terms.epsilon)
        message.delta = decimal_text(terms.delta)
    return message
