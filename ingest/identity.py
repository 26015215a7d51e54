"""Who an item is and what it said: the key of its id, the fingerprint of its content, and ids for those without. Pure.

A key is a 16-byte hash of kind and id, a fingerprint a keyed 16-byte hash of what the client sent before defaults,
repair and redaction. Two sendings of one item therefore meet whatever has happened to settings in between.
"""

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

import msgspec

from ingest.contract import Item
from ingest.dimensions import RecordKind
from ingest.text import as_bytes

_PACKED = msgspec.msgpack.Encoder(order="sorted")
_SIZE = 16
# For more bytes than this hashlib lets other threads go on meanwhile. Getting the turn back from them costs more than
# hashing some kilobytes, so that what is short is hashed in pieces.
_UNDISTURBED = 2047
_SHORT = 32 * 1024


def key_of(kind: RecordKind, sent_id: str) -> bytes:
    """The key under which a record of this kind and id is known in its project."""
    return hashlib.blake2b(b"%d:%b" % (kind, as_bytes(sent_id)), digest_size=_SIZE).digest()


def content_key(secret: str, project_id: int) -> bytes:
    """The key of a project's fingerprints: nobody without the installation's secret can guess texts from them."""
    return hashlib.blake2b(f"content:{project_id}".encode(), key=secret.encode()[:64]).digest()


def fingerprint(key: bytes, item: Item, extras: dict[str, Any] | None) -> bytes:
    """The fingerprint of an item with its unknown fields; the order of fields and blanks play no part.

    SHA-256 after the key, because processors have instructions for it; the cut rules out extending what was hashed.
    """
    try:
        packed = _PACKED.encode((item, extras) if extras else item)
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair, or an integer beyond 64 bits
        sent = [msgspec.to_builtins(item), extras]
        packed = json.dumps(sent, sort_keys=True, default=str).encode()
    hashed = hashlib.sha256(key)
    if len(packed) <= _SHORT:
        for at in range(0, len(packed), _UNDISTURBED):
            hashed.update(packed[at : at + _UNDISTURBED])
    else:
        hashed.update(packed)
    return hashed.digest()[:_SIZE]


def new_id(at: datetime) -> str:
    """A UUIDv7: 48 bits of milliseconds, then chance."""
    milliseconds = int(at.timestamp() * 1000)
    digits = (
        f"{milliseconds:012x}7{secrets.randbits(12):03x}{0x8000 | secrets.randbits(14):04x}{secrets.randbits(48):012x}"
    )
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
