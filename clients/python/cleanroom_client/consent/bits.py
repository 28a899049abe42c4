"""Base64url text read bit by bit, strictly; must not know what the bits mean."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode

from cleanroom_client.consent.signals import malformed

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_CHARACTER_BITS = 6
_FIBONACCI_TERMS = 24  # the largest is 75,025: a section id or vendor id is far below
_LETTERS = 26


class Bits:
    """The bits of a text, most significant first, each read once.

    Every read raises SignalUnusable where bits are missing: a cut string says nothing.
    """

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, text: str) -> None:
        """Take base64url without padding; a character is six bits, whole bytes or not."""
        if not _ALPHABET.fullmatch(text):
            raise malformed()
        filled = text + "A" * (-len(text) % 4)
        try:
            self._data = urlsafe_b64decode(filled)
        except binascii.Error:  # pragma: no cover - the alphabet and the length were checked
            raise malformed() from None
        self._end = len(text) * _CHARACTER_BITS
        self._at = 0

    def integer(self, bits: int) -> int:
        """Return an unsigned integer of that many bits."""
        start, self._at = self._at, self._at + bits
        if self._at > self._end:
            raise malformed()
        whole = int.from_bytes(self._data[start // 8 : (self._at + 7) // 8])
        return (whole >> (-self._at % 8)) & ((1 << bits) - 1)

    def boolean(self) -> bool:
        """Return one bit."""
        return self.integer(1) == 1

    def letters(self, count: int) -> str:
        """Return capital letters, six bits each."""
        codes = [self.integer(_CHARACTER_BITS) for _ in range(count)]
        if any(code >= _LETTERS for code in codes):
            raise malformed()
        return "".join(chr(ord("A") + code) for code in codes)

    def seconds(self) -> int:
        """Return unix seconds from 36 bits of tenths of a second."""
        return self.integer(36) // 10

    def numbers(self, count: int) -> frozenset[int]:
        """Return the numbers, from 1, of the bits that are set in a field of `count`."""
        field = self.integer(count)
        return frozenset(n for n in range(1, count + 1) if field >> (count - n) & 1)

    def fibonacci(self) -> int:
        """Return an integer of 1 or more in Fibonacci coding, which ends with two ones."""
        value, last = 0, False
        term, following = 1, 2
        for _ in range(_FIBONACCI_TERMS):
            bit = self.boolean()
            if bit and last:
                return value
            value += term if bit else 0
            term, following, last = following, term + following, bit
        raise malformed()

    def finish(self) -> None:
        """Require that nothing but zeros is left: padding, and no more."""
        left = self._end - self._at
        if self.integer(left):
            raise malformed()
