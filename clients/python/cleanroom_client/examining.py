"""What could keep a partner's commands from working well, looked for in one go; prints nothing.

Nothing is changed, at the service or here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509

from cleanroom_client import auditing
from cleanroom_client.agreed import was_agreed
from cleanroom_client.blinding.kernel import VARIABLE, available, chosen
from cleanroom_client.errors import ClientError
from cleanroom_client.keystore import KeystoreError, SecretsMissing
from cleanroom_client.profile import Kind
from cleanroom_client.session import Session

NO_KERNEL = (
    "the native kernel is not installed: blinding takes about eight times as long, with the same "
    "results; install a C compiler (gcc and Python's headers) and this package anew"
)
_WARN_DAYS = 14


class Verdict(StrEnum):
    """How a check ended: a problem keeps commands from working, a warning does not yet."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result; `text` says what was found and, unless it is well, what to do."""

    check: str
    verdict: Verdict
    text: str


def machine() -> Finding:
    """Return what blinding runs on here."""
    try:
        kernel = chosen()
    except ValueError as error:
        return Finding(check="kernel", verdict=Verdict.PROBLEM, text=f"{VARIABLE}: {error}")
    if kernel is not None:
        return _ok("kernel", f"path {kernel.path}, of {', '.join(available())}")
    if len(available()) > 1:
        return _warning("kernel", f"{VARIABLE} turns the native kernel off: unset it")
    return _warning("kernel", NO_KERNEL)


def examine(session: Session) -> Iterator[Finding]:
    """Yield findings in the order of the checks.

    1. The certificate, whose name and key the connection has checked, lasts.
    2. A party's keystore can be opened and holds the collaboration's secrets.
    3. The service is reached and trusted, and what is in force was accepted here.
    """
    yield _certificate(session)  # 1
    if session.profile.kind is not Kind.PARTY:
        yield _log(session)  # 3
        return
    yield _keystore(session)  # 2
    yield _service(session)  # 3


def _ok(check: str, text: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, text=text)


def _warning(check: str, text: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARNING, text=text)


def _problem(check: str, error: Exception) -> Finding:
    return Finding(check=check, verdict=Verdict.PROBLEM, text=str(error))


def _certificate(session: Session) -> Finding:
    leaf = x509.load_pem_x509_certificate(session.credentials.certificates)
    until = leaf.not_valid_after_utc
    days = (until - session.environment.now()).days
    text = f"{session.profile.identity}, for {days} more days, until {until:%Y-%m-%d}"
    if days >= _WARN_DAYS:
        return _ok("certificate", text)
    return _warning("certificate", f"{text}: ask the operator for a new one")


def _keystore(session: Session) -> Finding:
    try:
        session.secrets(session.profile.collaboration)
    except SecretsMissing:
        return _warning("keystore", "no secrets for this collaboration yet: run 'accept'")
    except KeystoreError as error:
        return _problem("keystore", error)
    return _ok("keystore", f"{session.profile.keystore} holds this collaboration's secrets")


def _log(session: Session) -> Finding:
    try:
        found = auditing.checkpoint(session)
    except ClientError as error:
        return _problem("service", error)
    return _ok("service", f"reached and trusted; its log has {found.size} entries")


def _service(session: Session) -> Finding:
    try:
        collaboration = session.collaboration()
    except ClientError as error:
        return _problem("service", error)
    in_force = collaboration.in_force
    if in_force is None:
        waiting = ", ".join((*collaboration.waiting_for, *collaboration.waiting_for_one_of))
        return _warning("service", f"no policy is in force: not yet accepted by {waiting}")
    try:
        agreed = was_agreed(session, collaboration)
    except KeystoreError:  # told already
        agreed = False
    except ClientError as error:
        return _problem("service", error)
    if not agreed:
        return _warning(
            "service",
            f"reached, but the policy in force, {in_force.digest}, was not accepted with this "
            "keystore: read it and run 'accept'",
        )
    return _ok("service", f"reached and trusted; policy {in_force.digest} is in force")
