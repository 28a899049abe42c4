"""One witness: judges, remembers, then signs; must not know HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from cleanroom.audit.cosignature import cosign
from cleanroom.audit.note import NoteVerifier, Signer
from cleanroom.audit.tlog_witness import decode_add_checkpoint, judge
from cleanroom.witness.state import WitnessState


class Witness:
    """Cosigns checkpoints of known logs that only grow; any number of threads may ask."""

    def __init__(
        self,
        signer: Signer,
        logs: Mapping[str, Sequence[NoteVerifier]],
        state: WitnessState,
        now_s: Callable[[], int],
    ) -> None:
        self._signer, self._logs, self._state, self._now_s = signer, logs, state, now_s
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> str:
        """Return the cosignature's line for a request's body; raises WitnessRefused.

        Ensures: what it cosigns continues everything it cosigned of that log before, across
        crashes, as long as its state is kept.
        """
        request = decode_add_checkpoint(body)
        # One at a time: two requests judged by the same memory could roll it back.
        with self._lock:
            checkpoint, text = judge(request, self._logs, self._state.trees)
            if self._state.trees.get(checkpoint.origin) != checkpoint:
                self._state.remember(checkpoint)
            # Signed after it is durable, so that no crash forgets what a signature vouches for.
            return cosign(text, self._signer, self._now_s())
