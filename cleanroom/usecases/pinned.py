"""A question pinned to everything its answer depends on, with a digest and an inverse.

Must not know whether it was asked before or what it costs each ledger.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cleanroom.analysis.canonical import canonical_json, question_from_json, question_to_json
from cleanroom.model.question import Question

_VERSION = "cleanroom-question/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A question, the loss offered (nano-rho), the policy, the versions and the consent epoch.

    `versions` are (dataset, version id) in the order of `question.datasets`.
    """

    collaboration: str
    question: Question
    nano_rho: int
    policy_digest: str
    versions: tuple[tuple[str, str], ...]
    epoch_s: int

    def canonical(self) -> bytes:
        """Return the canonical JSON; the inverse of `parse`."""
        return canonical_json(
            {
                "!v": _VERSION,
                "collaboration": self.collaboration,
                "epoch_s": self.epoch_s,
                "nano_rho": self.nano_rho,
                "policy_digest": self.policy_digest,
                "question": question_to_json(self.question),
                "versions": self.versions,
            }
        )

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON: equal for questions that mean the same."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def parse(cls, canonical: bytes) -> Pinned:
        """Read what `canonical` wrote; raises ValueError for another version."""
        value = json.loads(canonical)
        if value["!v"] != _VERSION:
            raise ValueError(f"not a {_VERSION} question")
        return cls(
            collaboration=value["collaboration"],
            question=question_from_json(value["question"]),
            nano_rho=value["nano_rho"],
            policy_digest=value["policy_digest"],
            versions=tuple((d, v) for d, v in value["versions"]),
            epoch_s=value["epoch_s"],
        )
