"""Which failed connections are worth another attempt."""

from __future__ import annotations

import grpc
import pytest

from cleanroom_client.status import is_handshake_failure


class Failed(grpc.RpcError):
    def __init__(self, details):
        self._details = details

    def details(self):
        return self._details


@pytest.mark.parametrize(
    ("details", "is_final"),
    [
        ("last error: UNKNOWN: ipv4:127.0.0.1:8443: tcp handshaker shutdown", False),
        ("recvmsg:Connection reset by peer", False),
        ("Ssl handshake failed: SSL_ERROR_SSL: error:1000007d: CERTIFICATE_VERIFY_FAILED", True),
        (None, False),
    ],
)
def test_only_a_lack_of_trust_is_final(details, is_final):
    assert is_handshake_failure(Failed(details)) == is_final
