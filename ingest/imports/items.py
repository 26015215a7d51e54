"""What a line of history must be before it is stored: dated, and known by an id. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ingest.kinds import BY_WORD
from ingest.refusals import Problem
from ingest.text import repair
from ingest.timeline import parse

LONGEST_NAME = 100


class Probe(msgspec.Struct):
    """The few fields of an item that an import asks for, whatever they hold: judging them is not its business."""

    id: Any = None
    type: Any = None
    feature: Any = None
    occurred_at: Any = None
    period_from: Any = None
    period_to: Any = None
    month: Any = None


@dataclass(frozen=True)
class Line:
    """One item as JSON and the number of its first line in the file; `is_whole`: the quick JSON reader takes it."""

    number: int
    content: bytes
    probe: Probe = field(default_factory=Probe)
    is_whole: bool = False


DATES: Mapping[str, tuple[str, ...]] = {"cost": ("occurred_at", "period_from"), "figure": ("month",)}
NO_OBJECT = Problem("$", "an object", "something else")
UNDATED = Problem("$.occurred_at", "the time of the event: history without one would count as now", "nothing")
_PROBE = msgspec.json.Decoder(Probe)


def looked_into(number: int, content: bytes, name: str, kind: str = "") -> Line | Problem:
    """Give an item its id if it has none, derived from the file's name, the line's number and what it says.

    The same file thus gives the same ids each time. What is no JSON is left for the judge, who has the words for it; a
    Problem for what is no object, or has no time. `kind` is empty where each item says its own as `type`.
    """
    if not content.startswith(b"{"):
        return NO_OBJECT
    probe, is_whole = _probed(content)
    if probe is None:
        return Line(number, content)
    word = kind or str(probe.type)
    dates = DATES.get(word, ("occurred_at",)) if word in BY_WORD else ()  # the judge tells whose `type` is none
    if dates and all(getattr(probe, date) is None for date in dates):
        return UNDATED
    if probe.id is None:
        content = _with_id(content, derived_id(name, number, content))
    return Line(number, content, probe, is_whole)


def _probed(content: bytes) -> tuple[Probe | None, bool]:
    try:
        return _PROBE.decode(content), True
    except (ValueError, RecursionError):  # msgspec's errors among them: no JSON, no object, or half a surrogate pair
        pass
    try:
        return msgspec.convert(json.loads(content), Probe), False
    except (ValueError, RecursionError):
        return None, False


def derived_id(name: str, number: int, content: bytes) -> str:
    """The id of an item that was sent without one."""
    seed = b"%b\0%d\0%b" % (name.encode("utf-8", "surrogatepass"), number, content)
    return f"import-{hashlib.blake2b(seed, digest_size=16).hexdigest()}"


def newest(lines: Iterable[Line], now: datetime) -> Mapping[str, datetime]:
    """Feature → its newest event among these lines, none later than now; of features that can be."""
    found: dict[str, datetime] = {}
    for line in lines:
        feature, at = line.probe.feature, _instant(line.probe.occurred_at or line.probe.period_to)
        if at is not None and isinstance(feature, str) and 0 < len(feature) <= LONGEST_NAME and not feature.isspace():
            name = repair(feature)
            capped = min(at, now)
            found[name] = max(found.get(name, capped), capped)
    return found


def _instant(text: object) -> datetime | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _with_id(content: bytes, own_id: str) -> bytes:
    """The same object with an id: it goes to the end, where it also counts before an `id` of null."""
    body = content.rstrip()[:-1].rstrip()
    return b'%b%b"id":"%b"}' % (body, b"" if body.endswith(b"{") else b",", own_id.encode())
