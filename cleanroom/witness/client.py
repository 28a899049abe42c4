"""Asks a witness over HTTP; must not know what is asked nor trust what is answered."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Final

from cleanroom.audit.cosignature import WitnessKey
from cleanroom.audit.encoding import decode_decimal
from cleanroom.audit.errors import NoteInvalid, WitnessRefused, WitnessUnavailable
from cleanroom.audit.tlog_witness import CONFLICT, MAX_BODY_BYTES, SIZE_TYPE

TIMEOUT_S: Final = 10.0
_SHOWN: Final = 200  # characters of what a witness says about a refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpWitness:
    """A witness at a submission prefix (http or https), with the key that it signs with."""

    url: str
    key: WitnessKey
    timeout_s: float = TIMEOUT_S

    def add_checkpoint(self, body: bytes) -> str:
        """Return the signature lines that it answers with, not verified.

        Raises WitnessRefused, WitnessUnavailable.
        """
        address = f"{self.url.rstrip('/')}/add-checkpoint"
        request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310 # the configuration takes http and https only
        request.add_header("Content-Type", "text/plain; charset=utf-8")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:  # noqa: S310 # the same
                return _text(answer.read(MAX_BODY_BYTES + 1))
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except urllib.error.URLError as error:
            raise self._unavailable(error.reason) from None
        except (OSError, http.client.HTTPException, NoteInvalid) as error:
            raise self._unavailable(error) from None

    def _unavailable(self, why: object) -> WitnessUnavailable:
        return WitnessUnavailable(witness=self.key.name, why=str(why))


def _refusal(error: urllib.error.HTTPError) -> WitnessRefused:
    text = error.read(_SHOWN).decode("utf-8", "replace").strip()
    size = None
    if error.code == CONFLICT and error.headers.get_content_type() == SIZE_TYPE:
        try:
            size = decode_decimal(text)
        except ValueError:
            size = None
    why = f"status {error.code}: {text if text.isprintable() else 'no words'}"
    return WitnessRefused(status=error.code, why=why, size=size)


def _text(data: bytes) -> str:
    if len(data) > MAX_BODY_BYTES:
        raise NoteInvalid(why="the answer is too long for cosignatures")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteInvalid(why="the answer is not UTF-8") from None
