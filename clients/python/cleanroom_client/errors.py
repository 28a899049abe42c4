"""What may stop a partner's command, each as one sentence that says what to do; knows no gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanroom_client.refusals import RefusalReason

DOMAIN = "cleanroom.v1"


class ClientError(Exception):
    """Base of everything this package raises on purpose besides the errors of its parts."""


class ProfileInvalid(ClientError):
    """A profile file cannot be used; names the file and the key."""


class CertificateUnusable(ClientError):
    """The party's own certificate cannot identify it now; names the file and the fault."""


class QuestionInvalid(ClientError):
    """A question cannot be put the way it was written."""


class CostUnusable(ClientError):
    """A cost or a margin does not fit the measurement it is set against."""


class PolicyUnknown(ClientError):
    """There is no policy to accept or to go by, or it is not what its digest says."""


class KeyNotReady(ClientError):
    """The shared key of the `hmac` scheme has not arrived yet, or is not this party's to make."""


class ReceiptRefused(ClientError):
    """The service's answer does not prove what it says, so it is not shown."""


class RelayBroken(ClientError):
    """The service streamed elements that do not fit their task."""


class UploadStuck(ClientError):
    """An upload cannot go on from where the service says it is."""


class WaitedTooLong(ClientError):
    """Nothing more came within the time the caller was willing to wait."""


class ServiceUnreachable(ClientError):
    """No connection, or none that both sides trust."""


class DeadlineExceeded(ClientError):
    """The service did not answer in time; it may have done the work."""

    def __init__(self, timeout_s: float) -> None:
        """Keep the time that was allowed."""
        super().__init__(timeout_s)
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        """Return one sentence."""
        return (
            f"the service did not answer within {self.timeout_s:g} s: repeat the command with a "
            "longer --timeout"
        )


class RoomError(ClientError):
    """The service's own refusal: a reason of its public list, a sentence, and facts."""

    def __init__(
        self,
        reason: str,
        sentence: str,
        metadata: Mapping[str, str],
        reasons: tuple[RefusalReason, ...] = (),
    ) -> None:
        """Keep all; `reason` is empty when something else than the service answered.

        `reasons` are why a policy refuses a question, each with its rule.
        """
        super().__init__(reason, sentence)
        self.reason = reason
        self.sentence = sentence
        self.reasons = reasons
        self.metadata = MappingProxyType(dict(metadata))

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence

    @property
    def reasons_left_out(self) -> int:
        """How many more reasons there are than the answer had room for."""
        told = self.metadata.get("left_out", "0")
        return int(told) if told.isdecimal() and told.isascii() else 0


def one_line(text: str) -> str:
    """Return `text` without control characters, so that no peer writes to the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
