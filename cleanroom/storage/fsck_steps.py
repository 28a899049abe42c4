"""The check that the steps by which parties agreed follow each other and say what is kept of them.

Must not know certificates: whose signatures they are, members verify with the authority
(docs/policy-steps.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cleanroom.audit.errors import StepInvalid
from cleanroom.audit.step import Statement, verify_chain
from cleanroom.ports.records import PolicyStep
from cleanroom.ports.store import Collaborations
from cleanroom.storage.problem import Problem, problem

_BATCH: Final = 500


def check_steps(collaborations: Collaborations) -> list[Problem]:
    """Return what does not hold in the history of each collaboration."""
    found: list[Problem] = []
    for name in collaborations.names():
        steps = tuple(_all(collaborations, name))
        try:
            statements = verify_chain([s.step for s in steps])
        except StepInvalid as error:
            found.append(problem(f"collaboration {name}", str(error)))
            continue
        pairs = zip(steps, statements, strict=True)
        wrong = (s for s, said in pairs if _kept(s) != _said(name, s, said))
        found += [
            problem(f"step {s.position} of {name}", "its row does not say what was signed")
            for s in wrong
        ]
        found += _check_in_force(collaborations, name, steps)
    return found


def _all(collaborations: Collaborations, name: str) -> Iterator[PolicyStep]:
    start = 1
    while batch := collaborations.steps(name, start, _BATCH):
        yield from batch
        start += _BATCH


def _kept(step: PolicyStep) -> tuple[object, ...]:
    return (
        step.collaboration,
        step.position,
        step.digest,
        step.kind,
        step.policy_digest,
        step.party,
    )


def _said(name: str, step: PolicyStep, said: Statement) -> tuple[object, ...]:
    return (name, said.position, step.step.digest, said.kind, said.policy_digest, said.party)


def _check_in_force(
    collaborations: Collaborations, name: str, steps: tuple[PolicyStep, ...]
) -> list[Problem]:
    """The policy in force is the one that a step brought last."""
    brought = [s.policy_digest for s in steps if s.put_in_force]
    in_force = collaborations.in_force(name)
    if (in_force.digest if in_force else None) != (brought[-1] if brought else None):
        return [problem(f"collaboration {name}", "no step brought the policy that is in force")]
    return []
