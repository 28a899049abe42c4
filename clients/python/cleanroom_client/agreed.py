"""What this party agreed to, held against what the service says; knows no files and no tables.

The service may be curious: before a token is made or a key is wrapped, the facts that would let it
invert tokens must stand in a document that this party accepted itself.
"""

from __future__ import annotations

import re

from cleanroom_client.agreement import Collaboration
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.session import Session

_SCHEME = re.compile(rb"\bscheme[\"']?\s*:\s*[\"']?([a-z0-9-]+)")
_UNSALTED = re.compile(rb"\ballow_unsalted[\"']?\s*:\s*true\b")
_COMMENT = re.compile(rb"(?m)(?:^|\s)#.*$")
_OWNER = re.compile(rb"\bowner[\"']?\s*:\s*[\"']?([a-z0-9-]+)")


def check_agreed(session: Session, collaboration: Collaboration) -> None:
    """Refuse a policy in force that is not what this party accepted.

    1. The scheme of the terms is the one written in the document.
    2. For a shared key, so are the owners, who are given it.
    3. The document's digest is one that `accept` noted in the keystore.

    Raises PolicyUnknown, KeystoreError.
    """
    _check_scheme(collaboration)  # 1
    if collaboration.terms.scheme == "hmac":
        _check_owners(collaboration)  # 2
    _check_accepted(session, collaboration)  # 3


def _check_owners(collaboration: Collaboration) -> None:
    """Reads words, not YAML, as `_check_scheme` does; raises PolicyUnknown."""
    document = _without_comments(collaboration.ruling().document)
    written = {match.decode() for match in _OWNER.findall(document)}
    if written != set(collaboration.terms.owners):
        raise PolicyUnknown(
            "the service names other owners of datasets than the accepted policy: the matching "
            "key was not shared, ask the operator"
        )


def _check_accepted(session: Session, collaboration: Collaboration) -> None:
    digest = collaboration.ruling().digest
    if not session.keystore.has_accepted(collaboration.name, digest):
        raise PolicyUnknown(
            f"the policy in force, {digest}, was not accepted with this keystore: read it, run "
            "'accept', and repeat the command"
        )


def _check_scheme(collaboration: Collaboration) -> None:
    """Refuse terms whose scheme is not the one written in the accepted document.

    The document's digest is what the parties agreed on; a service that named a weaker scheme in
    its terms would otherwise be sent what it can invert. Reads words, not YAML: a document that
    names two schemes is refused. Raises PolicyUnknown.
    """
    document = _without_comments(collaboration.ruling().document)
    written = {match.decode() for match in _SCHEME.findall(document)} or {"psi"}
    scheme = collaboration.terms.scheme
    if written != {scheme} or (scheme == "sha256" and not _UNSALTED.search(document)):
        raise PolicyUnknown(
            f"the service asks for {scheme} tokens, which the accepted policy does not say: "
            "nothing was sent, ask the operator"
        )


def _without_comments(document: bytes) -> bytes:
    """Return a YAML document's bytes without its comments."""
    return _COMMENT.sub(b"", document)
