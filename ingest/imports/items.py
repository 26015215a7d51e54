"""What a line of history must be before it is stored: dated, and known by an id. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from ingest.contract import REFERENCES
from ingest.dimensions import FeedbackKind
from ingest.feedback import COUNTED
from ingest.kinds import BY_WORD
from ingest.refusals import Problem
from ingest.text import repair, repair_id
from ingest.timeline import day_start, parse

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
    kind: Any = None
    interaction_id: Any = None
    span_id: Any = None
    trace_id: Any = None
    session_id: Any = None


@dataclass(frozen=True)
class Line:
    """One item as JSON and the number of its first line in the file; `is_whole`: the quick JSON reader takes it.

    `word` is its kind's; whatever it is, where an item of a mixed file says none that there is.
    """

    number: int
    content: bytes
    probe: Probe = field(default_factory=Probe)
    is_whole: bool = False
    word: str = ""


@dataclass(frozen=True)
class Subject:
    """The interaction that a line is about, by one of its names; `counts_there`: at its time, not when this was said."""

    said_at: datetime
    counts_there: bool
    interaction_id: str | None
    span_id: str | None = None
    trace_id: str | None = None
    session_id: str | None = None


DATES: Mapping[str, tuple[str, ...]] = {"cost": ("occurred_at", "period_from"), "figure": ("month",)}
NO_OBJECT = Problem("$", "an object", "something else")
UNDATED = Problem("$.occurred_at", "the time of the event: history without one would count as now", "nothing")
_PROBE = msgspec.json.Decoder(Probe)
_COUNTED = frozenset(FeedbackKind(kind).name.lower() for kind in COUNTED)


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
    return Line(number, content, probe, is_whole, word)


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


def reaches_to(line: Line, now: datetime, zone: str) -> datetime | None:
    """The last instant at which something in a line counts, not later than now; None when no rule can see it.

    Rules judge no changes; and a figure of a month to come is a plan.
    """
    probe = line.probe
    if line.word == "figure":
        month = _month(probe.month, zone)
        return min(month[1], now) if month and month[0] <= now else None
    at = _instant(probe.occurred_at or probe.period_to)
    return None if at is None or line.word == "change" else min(at, now)


def feature_of(line: Line) -> str | None:
    """The feature that a line names, if it can be one."""
    name = line.probe.feature
    if line.word == "figure" or not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or name.isspace():
        return None
    return repair(name)


def subject_of(line: Line, at: datetime) -> Subject | None:
    """What a line that reaches to `at` is about; None for what names no interaction, or may stand without one."""
    if line.word not in {"feedback", "cost"}:
        return None
    named, *others = (_id(getattr(line.probe, name)) for name in REFERENCES)
    counts_there = line.word == "cost" or str(line.probe.kind) in _COUNTED
    if named or line.word == "cost":
        return Subject(at, counts_there, named) if named else None
    span, trace, session = others
    session = session if counts_there else None
    return Subject(at, counts_there, None, span, trace, session) if span or trace or session else None


def _id(value: object) -> str | None:
    return repair_id(value) if isinstance(value, str) and value else None


def _month(month: object, zone: str) -> tuple[datetime, datetime] | None:
    """When a month like 2026-01 begins and ends."""
    try:
        first = datetime.strptime(str(month), "%Y-%m").date()  # noqa: DTZ007 (a month has no zone)
    except ValueError:
        return None
    if not 2000 <= first.year < 2100:
        return None
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return day_start(first, zone), day_start(following, zone)


def _instant(text: object) -> datetime | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _with_id(content: bytes, own_id: str) -> bytes:
    """The same object with an id: it goes to the end, where it also counts before an `id` of null."""
    body = content.rstrip()[:-1].rstrip()
    return b'%b%b"id":"%b"}' % (body, b"" if body.endswith(b"{") else b",", own_id.encode())
