"""The server's own TLS files checked before anybody connects; must not know who connects."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from cleanroom.config import Tls
from cleanroom.wiring.denied import DenyList
from cleanroom.wiring.errors import CannotServe


def check_tls(tls: Tls, now_s: int) -> None:
    """Load the files as TLS would: gRPC itself would only say that no handshake succeeds.

    1. Every file can be read.
    2. The key is the certificate's.
    3. The certificate is valid now.
    4. The authority's file holds certificates.

    Raises CannotServe. Does not check that the authority issued the certificate: clients do.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (tls.ca, tls.certificate, tls.key):
        _check_readable(path)  # 1
    try:
        # 2. An encrypted key must fail, not ask at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        raise CannotServe(
            f"{tls.key} is not the unencrypted key of the certificate in {tls.certificate}"
        ) from None
    _check_dates(tls.certificate, datetime.fromtimestamp(now_s, UTC))  # 3
    try:
        context.load_verify_locations(tls.ca)  # 4
    except ssl.SSLError:
        raise CannotServe(f"{tls.ca}: expected certificates in PEM") from None


def deny_list(tls: Tls) -> Callable[[], frozenset[str]]:
    """Return what tells who is denied; nobody is where no list is configured."""
    return frozenset if tls.denied is None else DenyList(tls.denied)


def _check_readable(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise CannotServe(f"{path}: cannot be read: {error.strerror}") from None


def _check_dates(path: Path, now: datetime) -> None:
    leaf = x509.load_pem_x509_certificate(path.read_bytes())
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        period = f"{leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}"
        raise CannotServe(f"{path}: the server's certificate is valid from {period} only")
