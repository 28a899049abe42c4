"""A partner's agent process that answers relay tasks wrongly, in one of many ways.

`python -m support.malicious_agent PROFILE` reads one order a line as JSON, `{"tampering": name}`
with what that tampering needs, works until nothing is left to do, and answers with one line: the
number of elements, or the refusal it met. The process goes on between orders, so that it can
remember what it was sent.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from cleanroom.v1 import relay_pb2 as pb
from cleanroom_client import CleanRoom, agent, room
from cleanroom_client.agent import Agent
from cleanroom_client.errors import ClientError, RoomError
from support.dying_client import SMALL

P = 2**255 - 19
# RFC 7748, section 6.1: a point of order 8.
ORDER_8 = 0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0
BAD_POINTS = {
    "zero": 0,
    "one": 1,
    "order 8": ORDER_8,
    "minus one": P - 1,
    "p": P,
    "p + 9": P + 9,
    "top bit": 2**255 + 9,
}

Points = list[bytes]
# A tampering sees a chunk's elements as sent and as an honest agent answers them.
Tampering = Callable[[Points, Points], Points]


class Stopped(ClientError):
    """The agent leaves in the middle of a task."""


def split(packed: bytes) -> Points:
    """Return 32-byte points."""
    return [packed[i : i + 32] for i in range(0, len(packed), 32)]


def _other_key() -> Callable[[bytes], bytes]:
    secret = X25519PrivateKey.generate()
    return lambda point: secret.exchange(X25519PublicKey.from_public_bytes(point))


def _by_turns(sent: Points, honest: Points) -> Points:
    other = _SECOND_KEY
    return [other(p) if i % 2 else a for i, (p, a) in enumerate(zip(sent, honest, strict=True))]


def _by_point(sent: Points, honest: Points) -> Points:
    """Choose the key by the point: the same point always has the same answer."""
    return [_SECOND_KEY(p) if p[0] & 1 else a for p, a in zip(sent, honest, strict=True)]


def _cycle_by_point(sent: Points, honest: Points) -> Points:
    """Permute the answers of a chunk's different points: the same point has the same answer."""
    answer_of = dict(zip(sent, honest, strict=True))
    points = sorted(answer_of)
    moved = dict(zip(points, (answer_of[p] for p in points[1:] + points[:1]), strict=True))
    return [moved[p] for p in sent]


def _random(sent: Points, _: Points) -> Points:
    return [(9 + secrets.randbelow(P - 100)).to_bytes(32, "little") for _ in sent]


def _seeded_by_point(sent: Points, _: Points) -> Points:
    """Return points that look random and depend on nothing but the element."""
    digests = (hashlib.sha256(p).digest() for p in sent)
    return [d[:31] + bytes([d[31] & 0x3F]) for d in digests]


_SECOND_KEY = _other_key()
# Each keeps the number of elements; what it does to them is in its name.
IN_CHUNK: Mapping[str, Tampering] = {
    "two keys by turns": _by_turns,
    "two keys by point": _by_point,
    "another key for all": lambda sent, _: [_SECOND_KEY(p) for p in sent],
    "reversed": lambda _, honest: honest[::-1],
    "rotated": lambda _, honest: honest[1:] + honest[:1],
    "permuted by point": _cycle_by_point,
    "each answer twice": lambda _, honest: [honest[i - i % 2] for i in range(len(honest))],
    "one answer for all": lambda _, honest: honest[:1] * len(honest),
    "unchanged": lambda sent, _: sent,
    "one unchanged": lambda sent, honest: sent[:1] + honest[1:],
    "random": _random,
    "seeded by point": _seeded_by_point,
    "cut": lambda _, honest: honest[:-1],
    "longer": lambda _, honest: [*honest, honest[0]],
    "empty": lambda _, __: [],
    **{
        f"bad point: {name}": lambda _, honest, u=u: [*honest[:-1], u.to_bytes(32, "little")]
        for name, u in BAD_POINTS.items()
    },
}


class MaliciousAgent(Agent):
    """An agent that tampers with what it evaluated; `order` says how, `memory` outlives it."""

    order: Mapping[str, Any]
    memory: dict[str, dict[int, bytes]]

    def _raise(
        self, task: pb.RelayTask, chunks: Sequence[pb.StreamElementsResponse]
    ) -> list[pb.ReturnElementsRequest]:
        honest = super()._raise(task, chunks)
        name = self.order["tampering"]
        if name in IN_CHUNK:
            return [
                _with(answer, IN_CHUNK[name](split(chunk.elements), split(answer.elements)))
                for chunk, answer in zip(chunks, honest, strict=True)
            ]
        return getattr(self, "_" + name.replace(" ", "_"))(task, honest)

    def _honest(
        self, task: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        """Answer as one should, and remember the answers by their places."""
        memory = self.memory.setdefault(task.key_type, {})
        memory.update({answer.index: answer.elements for answer in honest})
        return honest

    def _replay(
        self, task: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        memory = self.memory[task.key_type]
        return [_with(answer, split(memory[answer.index])) for answer in honest]

    def _swapped_chunks(
        self, _: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        """Put each chunk's answers under its neighbour's number."""
        return [
            _with(a, split(b.elements)) if len(a.elements) == len(b.elements) else a
            for a, b in zip(honest, honest[1:] + honest[:1], strict=True)
        ]

    def _out_of_order(
        self, _: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        return honest[::-1]

    def _twice(
        self, _: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        """Answer each chunk once, and once more with other bytes."""
        other = [_with(a, _random(split(a.elements), [])) for a in honest]
        return [answer for pair in zip(honest, other, strict=True) for answer in pair]

    def _other_task(
        self, _: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        """Answer the task `order["task"]`, which is another party's."""
        return [
            pb.ReturnElementsRequest(task=self.order["task"], index=a.index, elements=a.elements)
            for a in honest
        ]

    def _stop_early(
        self, task: pb.RelayTask, honest: list[pb.ReturnElementsRequest]
    ) -> list[pb.ReturnElementsRequest]:
        if honest[0].index >= self.order["chunks"]:
            raise Stopped("enough")
        return self._honest(task, honest)


def _with(answer: pb.ReturnElementsRequest, points: Points) -> pb.ReturnElementsRequest:
    return pb.ReturnElementsRequest(task=answer.task, index=answer.index, elements=b"".join(points))


def work(partner: CleanRoom, order: Mapping[str, Any]) -> dict[str, Any]:
    """Blind once under an order; return the number of elements or the refusal."""
    MaliciousAgent.order = order
    try:
        return {"elements": partner.blind(max_wait_s=0)}
    except RoomError as refusal:
        return {"reason": refusal.reason, "sentence": str(refusal), **refusal.metadata}
    except ClientError as error:
        return {"stopped": type(error).__name__}


def main(profile: Path) -> None:
    """Obey until stdin ends."""
    for module, name, value in SMALL:
        setattr(module, name, value)
    MaliciousAgent.memory = {}
    agent.Agent = room.Agent = MaliciousAgent  # type: ignore[misc]
    with CleanRoom.connect(profile) as partner:
        print("{}", flush=True)
        for line in sys.stdin:
            print(json.dumps(work(partner, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
