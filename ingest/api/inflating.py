"""Undoing a Content-Encoding as the body comes in, never more than a little at a time. Pure.

A bomb is told by what has come out of it so far, long before it is whole: nothing is inflated beyond its reader's limit.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

from ingest.refusals import Malformed

STEP = 256 * 1024
MOST_MEMBERS = 100
GZIP, ZLIB, RAW = 31, 15, -15  # the words of zlib's `wbits`


class _Inflater(Protocol):
    """What `zlib.decompressobj` gives; its class has no public name."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def inflated(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Give the plain bytes of a body in `gzip` or `deflate`, in pieces. Raises Malformed for anything else.

    Gzip may have several members, one after the other. `deflate` is read with zlib's frame, as it should be sent, and
    without, as some clients send it.
    """
    try:
        yield from _inflated(pieces, coding)
    except zlib.error:
        raise Malformed(f"The body is not valid {coding} data, though Content-Encoding says so.") from None


def _inflated(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    inflater: _Inflater | None = None
    members = 0
    for piece in _beginning_with_two(pieces):
        left = piece
        while left:
            if inflater is None:
                members += 1
                if members > (MOST_MEMBERS if coding == "gzip" else 1):
                    raise Malformed(f"The body goes on after the end of its {coding} data.")
                inflater = zlib.decompressobj(_wbits(left, coding))
            yield inflater.decompress(left, STEP)
            left = inflater.unconsumed_tail
            if inflater.eof:
                left, inflater = inflater.unused_data, None
    while inflater and (rest := inflater.decompress(b"", STEP)):  # what was held back for want of room
        yield rest
    if inflater and not inflater.eof:
        raise Malformed(f"The {coding} data of the body is cut off.")


def _beginning_with_two(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, of which the first has two bytes if there are so many: they tell what kind it is."""
    first = b""
    for piece in pieces:
        first += piece
        if len(first) > 1:
            break
    yield first
    yield from pieces


def _wbits(begin: bytes, coding: str) -> int:
    if coding == "gzip":
        return GZIP
    is_framed = len(begin) > 1 and begin[0] & 15 == 8 and (begin[0] << 8 | begin[1]) % 31 == 0
    return ZLIB if is_framed else RAW
