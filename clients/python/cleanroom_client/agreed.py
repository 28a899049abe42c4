"""What this party agreed to, held against what the service says; knows no files and no tables.

The service may be curious: before a token is made or a key is wrapped, the facts that would let it
invert tokens must stand in a document that this party accepted itself.
"""

from __future__ import annotations

import re

from cleanroom_client.agreement import Collaboration
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.session import Session
from cleanroom_client.tokens import check_scheme, without_comments

_OWNER = re.compile(rb"\bowner[\"']?\s*:\s*[\"']?([a-z0-9-]+)")


def check_agreed(session: Session, collaboration: Collaboration) -> None:
    """Refuse a policy in force that is not what this party accepted.

    1. The scheme of the terms is the one written in the document.
    2. For a shared key, so are the owners, who are given it.
    3. The document's digest is one that `accept` noted in the keystore.

    Raises PolicyUnknown, KeystoreError.
    """
    check_scheme(collaboration)  # 1
    if collaboration.terms.scheme == "hmac":
        _check_owners(collaboration)  # 2
    _check_accepted(session, collaboration)  # 3


def _check_owners(collaboration: Collaboration) -> None:
    """Reads words, not YAML, as `check_scheme` does; raises PolicyUnknown."""
    document = without_comments(collaboration.ruling().document)
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
