"""What this party agreed to, held against what the service says; knows no files and no tables.

The service may be curious: before a token is made or a key is wrapped, the facts that would let it
invert tokens must stand in a document that this party accepted itself. A policy that others made
tighter meanwhile is followed where those facts are word for word the same; see `was_agreed`.
"""

from __future__ import annotations

import re

from cleanroom_client.agreement import Collaboration
from cleanroom_client.errors import PolicyUnknown
from cleanroom_client.session import Session
from cleanroom_client.stepping import history, policy_of

_SCHEME = re.compile(rb"\bscheme[\"']?\s*:\s*[\"']?([a-z0-9-]+)")
_UNSALTED = re.compile(rb"\ballow_unsalted[\"']?\s*:\s*true\b")
_COMMENT = re.compile(rb"(?m)(?:^|\s)#.*$")
_OWNER = re.compile(rb"\bowner[\"']?\s*:\s*[\"']?([a-z0-9-]+)")
_KEYS = re.compile(rb"\bkeys[\"']?\s*:\s*(\[[^\]]*\]|(?:\s*-[^\n]*)+)")
_REGION = re.compile(rb"\bdefault_region[\"']?\s*:\s*([^\s,}]+)")
_PROFILE = re.compile(rb"\bnormalisation[\"']?\s*:\s*([^\s,}]+)")
_FACTS = (_SCHEME, _UNSALTED, _OWNER, _KEYS, _REGION, _PROFILE)


def check_agreed(session: Session, collaboration: Collaboration) -> None:
    """Refuse a policy in force that is not what this party accepted.

    1. The scheme of the terms is the one written in the document.
    2. For a shared key, so are the owners, who are given it.
    3. The document was agreed to: see `was_agreed`.

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
    if not was_agreed(session, collaboration):
        digest = collaboration.ruling().digest
        raise PolicyUnknown(
            f"the policy in force, {digest}, was not accepted with this keystore: read it, run "
            "'accept', and repeat the command"
        )


def was_agreed(session: Session, collaboration: Collaboration) -> bool:
    """Tell whether this party's secrets may be used under the policy in force.

    Either `accept` noted its digest in the keystore, or all of this holds:

    1. It came into force by a step that an owner's certificate signed, not the operator's word.
    2. Before it a policy was in force that the keystore notes, whose document is fetched by digest.
    3. What makes tokens of identifiers, and whose datasets there are, is word for word the same.

    That it only tightens the other rules is the service's word; those protect the rows that it
    holds already, which no check here could. Raises KeystoreError and what a call may raise.
    """
    ruling, keystore = collaboration.ruling(), session.keystore
    if keystore.has_accepted(collaboration.name, ruling.digest):
        return True
    turns = [step for step in history(session, collaboration.name) if step.put_in_force]
    newest = turns[-1] if turns else None
    if newest is None or newest.statement.policy_digest != ruling.digest:
        return False
    if not newest.is_believed or newest.statement.party not in collaboration.terms.owners:  # 1
        return False
    for turn in reversed(turns[:-1]):
        digest = turn.statement.policy_digest
        if keystore.has_accepted(collaboration.name, digest):  # 2
            known = policy_of(session, collaboration.name, digest)
            return _facts(known.document) == _facts(ruling.document)  # 3
    return False


def _facts(document: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Return the words of a document that decide what becomes of identifiers, in its order."""
    plain = _without_comments(document)
    return tuple(tuple(pattern.findall(plain)) for pattern in _FACTS)


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
