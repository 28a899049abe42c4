"""Checks that a step is signed by its caller; must not know what the step does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import grpc

from cleanroom.audit.certificates import SignatureRefused, load_certificates, verify_signature
from cleanroom.audit.errors import StepInvalid
from cleanroom.audit.step import Statement, Step
from cleanroom.model.errors import SignatureInvalid
from cleanroom.model.names import Actor
from cleanroom.rpc.identity import certificate_of
from cleanroom.v1 import collaboration_pb2 as pb

MAX_CERTIFICATES: Final = 16 * 1024
_MAX_SIGNATURE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Holds signed steps to the authority of the connections; `authorities` returns its PEM now."""

    authorities: Callable[[], bytes]

    def step(self, context: grpc.ServicerContext, actor: Actor, signed: pb.SignedStep) -> Step:
        """Return the step, which anybody can verify again by the authority alone.

        1. It carries a statement, a signature and certificates that are not too long.
        2. The certificate is the one of this connection, which was not revoked.
        3. At the statement's time it leads to the authority, names the caller, and its key signed.

        Raises SignatureInvalid. Does not check what the statement says: see usecases.steps.
        """
        step = _step(signed)  # 1
        try:
            statement = Statement.parse(step.statement)
            shown = load_certificates(certificate_of(context))
            if load_certificates(step.certificates)[0] != shown[0]:  # 2
                raise SignatureInvalid(why="it is not made with the certificate of this connection")
            verify_signature(  # 3
                message=step.statement,
                signature=step.signature,
                certificates=step.certificates,
                identity=str(actor),
                authorities=load_certificates(self.authorities()),
                at=datetime.fromtimestamp(statement.time_s, UTC),
            )
        except StepInvalid as error:
            raise SignatureInvalid(why=error.why) from error
        except SignatureRefused as error:
            raise SignatureInvalid(why=str(error.fault)) from error
        return step


def _step(signed: pb.SignedStep) -> Step:
    if not signed.statement or not signed.signature or not signed.certificates:
        raise SignatureInvalid(why="a statement, a signature and a certificate are needed")
    if len(signed.certificates) > MAX_CERTIFICATES or len(signed.signature) > _MAX_SIGNATURE:
        raise SignatureInvalid(why="its certificates or its signature are too long")
    return Step(
        statement=signed.statement, signature=signed.signature, certificates=signed.certificates
    )
