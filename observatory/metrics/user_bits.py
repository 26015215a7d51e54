"""Sets of users as bits, packed and unpacked. Pure: no Django here.

A user is a number from 0 on; a set is cut into parts of PART users, each packed by itself, so that adding one user
touches one part, and users who came at the same time lie in the same one.
"""

import zlib
from collections.abc import Iterable, Mapping

PART = 1 << 16
_BYTES = PART // 8


def packed(bits: bytes | bytearray) -> bytes:
    """A part, packed; b"" when nobody is in it."""
    kept = bytes(bits).rstrip(b"\0")
    return zlib.compress(kept, 1) if kept else b""


def changed(data: bytes, added: Iterable[int], removed: Iterable[int]) -> bytes:
    """A packed part (b"" is nobody) with some places of it set and others cleared, packed again."""
    bits = bytearray(zlib.decompress(data) if data else b"")
    bits += bytes(_BYTES - len(bits))
    for place in removed:
        bits[place >> 3] &= ~(1 << (place & 7))
    for place in added:
        bits[place >> 3] |= 1 << (place & 7)
    return packed(bits)


def joined(parts: Mapping[int, bytes]) -> int:
    """A set from its packed parts; bit n is user n."""
    if not parts:
        return 0
    whole = bytearray((max(parts) + 1) * _BYTES)
    for part, data in parts.items():
        bits = zlib.decompress(data)
        whole[part * _BYTES : part * _BYTES + len(bits)] = bits
    return int.from_bytes(whole, "little")


def set_of(numbers: Iterable[int]) -> int:
    """The set of some users."""
    found = sorted(numbers)
    if not found:
        return 0
    bits = bytearray(found[-1] // 8 + 1)
    for number in found:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")
