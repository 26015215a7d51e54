"""Text as PostgreSQL can hold it: nothing trimmed, nothing normalised, and every repair visible. Pure.

NUL and lone surrogates become U+FFFD; ids and the names of fields that were different stay so. What is longer than a mebibyte of UTF-8 is cut, and says how long it was.
"""

import hashlib
import json
import re
from collections.abc import Collection, Container
from typing import Any

import msgspec

LONGEST = 1024 * 1024
REPLACEMENT = "\ufffd"
_CONTAINERS = frozenset({dict, list})
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


class Cut(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a text was before it was cut: characters, UTF-8 bytes, and a hash of those bytes in hex.

    Of a text that was masked the hash is keyed: who has the text but for what was masked could try that against any other.
    """

    characters: int
    bytes: int
    sha256: str = ""
    hmac: str = ""


def is_holdable(text: str) -> bool:
    """Whether the database can store the text as it is."""
    return _UNHOLDABLE.search(text) is None


def repair(text: str) -> str:
    """Replace each NUL and lone surrogate by U+FFFD."""
    return _UNHOLDABLE.sub(REPLACEMENT, text)


def repair_id(text: str) -> str:
    """Repair an id so that two different ones stay different: a repaired id carries a mark of what it was."""
    if is_holdable(text):
        return text
    return f"{repair(text)}~{hashlib.sha256(as_bytes(text)).hexdigest()[:12]}"


def repair_deep(value: Any) -> Any:
    """Repair every text inside plain JSON values, keys included."""
    if isinstance(value, str):
        return repair(value)
    if isinstance(value, list):
        return [repair_deep(item) for item in value]
    if isinstance(value, dict):
        names = value if all(map(is_holdable, value)) else _repaired_names(value)
        return {name: repair_deep(item) for name, item in zip(names, value.values(), strict=True)}
    return value


def _repaired_names(sent: Collection[str]) -> list[str]:
    """The names of an object's fields, each its own: a repaired one that would meet another carries a mark as ids do."""
    taken = set(filter(is_holdable, sent))
    names = []
    for name in sent:
        better = name
        if not is_holdable(name):
            better = repair(name)
            better = free(repair_id(name) if better in taken else better, taken, "′")
            taken.add(better)
        names.append(better)
    return names


def free(name: str, taken: Container[str], suffix: str) -> str:
    """The name, or the first that nothing else has with the suffix behind it, as often as it takes."""
    while name in taken:
        name += suffix
    return name


def is_deeper(value: object, levels: int) -> bool:
    """Whether the objects and lists of plain JSON values nest more than `levels` deep."""
    layer: list[Any] = [value] if value.__class__ in _CONTAINERS else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ in _CONTAINERS
        ]
        if not layer:
            return False
    return bool(layer)


def cut(text: str) -> tuple[str, Cut | None]:
    """Keep as many whole characters as fit into a mebibyte of UTF-8; None when nothing had to go."""
    if len(text) * 4 <= LONGEST:
        return text, None
    data = as_bytes(text)
    if len(data) <= LONGEST:
        return text, None
    kept = data[:LONGEST].decode("utf-8", "ignore")
    return kept, Cut(len(text), len(data), sha256=hashlib.sha256(data).hexdigest())


def as_text(value: str | list[Any]) -> str:
    """A text as it is, chat messages as compact JSON text."""
    return value if isinstance(value, str) else as_json(value)


def as_bytes(text: str) -> bytes:
    """UTF-8, in which half a surrogate pair keeps what it was."""
    return text.encode("utf-8", "surrogatepass")


def as_json(value: object) -> str:
    """Plain JSON values as compact JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, ValueError):  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
