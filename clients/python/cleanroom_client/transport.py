"""The connection: mutual TLS, deadlines, and the one retry rule; knows no service.

Only UNAVAILABLE is retried, after a growing pause with jitter, and always with the same request:
a question is never put under another request id because its answer did not arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from cleanroom_client.credentials import Credentials
from cleanroom_client.environment import Environment
from cleanroom_client.errors import ClientError
from cleanroom_client.profile import Profile
from cleanroom_client.status import client_error, is_handshake_failure

MAX_MESSAGE_BYTES = 4 * 2**20
MAX_ANSWER_BYTES = 64 * 2**20  # a question that was paid for must be able to arrive
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    # Retrying is done here, where the request id is known to stay the same.
    ("grpc.enable_retries", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)

T = TypeVar("T")
Request = TypeVar("Request")
Response = TypeVar("Response")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one attempt may take, and how long an unreachable service is tried again."""

    timeout_s: float = 60.0
    give_up_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a call without time."""
        if not self.timeout_s > 0 or self.give_up_s < 0:
            raise ValueError("a timeout is more than zero seconds")


class Transport:
    """A channel and the rule by which calls on it are made; closes the channel on the way out."""

    def __init__(
        self, channel: grpc.Channel, *, server: str, patience: Patience, environment: Environment
    ) -> None:
        """Use `open_transport` outside of tests."""
        self.channel = channel
        self._server = server
        self._patience = patience
        self._environment = environment

    def __enter__(self) -> Self:
        """Return the transport."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the channel."""
        self.close()

    def close(self) -> None:
        """End the connection; calls still running are cancelled."""
        self.channel.close()

    def call(self, method: Callable[..., Response], request: Any) -> Response:
        """Make a unary call with a deadline, retried; raises ClientError."""
        return self.retrying(lambda: self.once(method, request))

    def once(self, method: Callable[..., Response], request: Any) -> Response:
        """Make one attempt at a unary call; raises grpc.RpcError for `retrying`."""
        return method(request, timeout=self._patience.timeout_s)

    def send(self, method: Callable[..., Response], requests: Iterable[Request]) -> Response:
        """Make one attempt at a client-streaming call; raises grpc.RpcError for `retrying`."""
        return method(iter(requests), timeout=self._patience.timeout_s)

    def receive(self, method: Callable[..., Any], request: Request, count: int) -> list[Any]:
        """Return up to `count` messages of a server stream in one attempt, and end the stream.

        Raises grpc.RpcError for `retrying`.
        """
        stream = method(request, timeout=self._patience.timeout_s)
        try:
            return list(_first(stream, count))
        finally:
            stream.cancel()

    def retrying(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns; try again while the service is unavailable.

        Requires that `attempt` asks for the same thing each time. Raises ClientError.
        """
        clock = self._environment.monotonic_s
        until_s, pause_s = clock() + self._patience.give_up_s, _FIRST_PAUSE_S
        while True:
            try:
                return attempt()
            except grpc.RpcError as error:
                if not _worth_retrying(error) or clock() + pause_s > until_s:
                    raise self._client_error(error) from error
            self._environment.sleep_s(pause_s * self._jitter())
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _jitter(self) -> float:
        """Return a factor from [0.5, 1): clients cut off together do not return together."""
        return 0.5 + int.from_bytes(self._environment.entropy(2)) / 2**17

    def _client_error(self, error: grpc.RpcError) -> ClientError:
        return client_error(error, server=self._server, timeout_s=self._patience.timeout_s)


def open_transport(
    profile: Profile, credentials: Credentials, *, patience: Patience, environment: Environment
) -> Transport:
    """Return a transport to the profile's server; connects at the first call."""
    channel = grpc.secure_channel(
        profile.server,
        grpc.ssl_channel_credentials(credentials.ca, credentials.key, credentials.certificates),
        options=[*_CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", profile.server_name)],
    )
    return Transport(channel, server=profile.server, patience=patience, environment=environment)


def _worth_retrying(error: grpc.RpcError) -> bool:
    return error.code() is grpc.StatusCode.UNAVAILABLE and not is_handshake_failure(error)


def _first(stream: Iterator[T], count: int) -> Iterator[T]:
    """Yield up to `count` items without asking for one more, which might never come."""
    for _ in range(count):
        try:
            yield next(stream)
        except StopIteration:
            return
