"""The duty that reads what came in: bounded slices, project by project, each batch one transaction.

A batch takes its marks away and stores what it found in the same commit, so a kill costs the batch under way. Reading
something twice changes nothing.
"""

import logging
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db import OperationalError

from ingest import dictionary, memory, prices
from ingest.digest import copies, language, limits, unread, writing
from ingest.digest.findings import Found, Stored, find
from ingest.digest.language import language_of
from ingest.digest.marks import Limits
from ingest.digest.writing import News
from ingest.dimensions import ABSENT, Dimension, Flag
from ingest.duties import Duty
from ingest.models import DutyBeat
from ingest.processors import Watch
from ingest.projects.scope import project_scope
from ingest.turns import Turns

BATCH = 250
COPIES_AT_ONCE = 20
USUAL_BUDGET_S, SMALL_BUDGET_S = 1.75, 0.3
CROWDED_EVERY_S = 9.0
MODEL_KEPT_S = 60.0

log = logging.getLogger(__name__)
_read_at = 0.0
_began_at = -math.inf
_watch = Watch()
_turns: Turns[int] = Turns("reading project", key=lambda project_id: project_id, since=lambda _: None)


@dataclass(frozen=True)
class ReadReport:
    """What one slice did: interactions read, rows changed by what was found, interactions whose verdicts and costs have
    the same dimensions now; whether some are left; batches that failed.
    """

    read: int = 0
    changed: int = 0
    copied: int = 0
    left: bool = False
    failed: int = 0

    def __add__(self, other: "ReadReport") -> "ReadReport":
        return ReadReport(
            self.read + other.read,
            self.changed + other.changed,
            self.copied + other.copied,
            self.left or other.left,
            self.failed + other.failed,
        )


class _Unheard(Exception):
    """Languages that the project's dictionary does not have yet: they enter it before the batch is read again."""

    def __init__(self, languages: set[str]) -> None:
        super().__init__(languages)
        self.languages = languages


def read(
    now: datetime, *, only: Collection[int] | None = None, everything: bool = False, budget_s: float = USUAL_BUDGET_S
) -> ReadReport:
    """Read what waits, batch by batch and project by project in turn, until all is read or the time is spent.

    `everything` reads all that was received up to `now`, however long that takes.
    """
    deadline = math.inf if everything else time.monotonic() + budget_s
    report = _copied(now, only)
    waiting = unread.waiting(now, only)
    while waiting:
        done: dict[int, ReadReport] = {}
        taken = _turns.take(waiting, partial(_batch_into, done, now), now, deadline)
        report = sum(done.values(), report) + ReadReport(left=bool(taken.left or taken.failed), failed=taken.failed)
        waiting = [project_id for project_id in waiting if project_id in done and done[project_id].read]
        if waiting and time.monotonic() > deadline:
            return report + ReadReport(left=True)
    if everything:
        _copy_early(now, only)
    return report


def read_beside_rolls(now: datetime) -> ReadReport:
    """One slice on the worker that also rolls: a short one while others have more pressing work, and now and then only.

    Rolls come first, and so does whoever sends: reading can be made up for when the processors have time again. Each
    slice begins as a short one, since a flood may have begun with it.
    """
    global _began_at
    is_crowded, began = _watch.is_crowded(), time.monotonic()
    if is_crowded and began - _began_at < CROWDED_EVERY_S:
        return ReadReport(left=True)
    _began_at = began
    roll = DutyBeat.objects.filter(duty=Duty.ROLL.name.lower()).first()
    is_behind = roll is not None and bool(roll.detail.get("left"))
    with _watch.at_work():
        report = read(now, budget_s=SMALL_BUDGET_S)
    if report.left and not (is_crowded or is_behind or _watch.is_crowded()):
        with _watch.at_work():
            rest = read(now, budget_s=USUAL_BUDGET_S - SMALL_BUDGET_S)
        report = replace(report + rest, left=rest.left)
    _rest(is_idle=not report.read)
    return report


def _rest(*, is_idle: bool) -> None:
    """Let go of the language model when nothing has come for a while: at rest the product should weigh little."""
    global _read_at
    if not is_idle:
        _read_at = time.monotonic()
    elif time.monotonic() - _read_at > MODEL_KEPT_S and language.forget_model():
        memory.give_back()


def _batch_into(done: dict[int, ReadReport], now: datetime, project_id: int) -> None:
    """One batch. Where it fails, its first interaction alone; where that fails too, it is given up: others wait.

    Raises what the database cannot do just now (a lock, a time limit): the marks stay for a later slice.
    """
    for most in (BATCH, 1):
        try:
            done[project_id] = _batch(project_id, now, most)
        except OperationalError:
            raise
        except Exception:
            log.exception("interactions of project %s cannot be read", project_id)
        else:
            return
    with project_scope(project_id):
        done[project_id] = ReadReport(read=len(unread.claim(now, 1)), failed=1)


def _batch(project_id: int, now: datetime, most: int) -> ReadReport:
    try:
        return _read_batch(project_id, now, most, frozenset())
    except _Unheard as unheard:
        dictionary.numbers(project_id, {Dimension.LANGUAGE: unheard.languages}, now=now)
        return _read_batch(project_id, now, most, frozenset(unheard.languages))


def _read_batch(project_id: int, now: datetime, most: int, entered: frozenset[str]) -> ReadReport:
    """Take marks, read what they name, store what was found. Raises _Unheard for a language not in `entered`."""
    book = prices.book(project_id)
    with project_scope(project_id):
        places = unread.claim(now, most)
        if not places:
            return ReadReport()
        limits.refresh(now)
        usual = limits.of_features()
        rows = writing.fetch(places)
        writing.write_search(rows)
        repeats = writing.repeats(rows)
        founds = [
            find(
                one,
                usual.get(one.feature_id, Limits()),
                book,
                language_of,
                is_repeat=(one.occurred_at, one.id) in repeats,
            )
            for one in rows
        ]
        news = _news(rows, founds, entered)
        _store(now, news)
    return ReadReport(len(places), len(news))


def _news(rows: list[Stored], founds: list[Found], entered: frozenset[str]) -> list[News]:
    """The rows that have to change. A language for which the dictionary has no room stays absent."""
    numbers = {value: number for number, value in dictionary.values(Dimension.LANGUAGE).items()}
    heard = {found.language for found in founds if found.language}
    if unheard := heard - numbers.keys() - entered:
        raise _Unheard(unheard)
    news = [_one_news(one, found, numbers) for one, found in zip(rows, founds, strict=True)]
    return [one for one in news if one.is_news]


def _one_news(one: Stored, found: Found, numbers: Mapping[str, int]) -> News:
    if found.language is None:
        return News(one, found, one.language_id)
    number = numbers.get(found.language)
    if number is None:
        return News(one, replace(found, flags=found.flags & ~Flag.LANGUAGE_DETECTED), ABSENT)
    return News(one, found, number)


def _store(now: datetime, news: list[News]) -> None:
    """Write rows that nobody has changed meanwhile; the others are read again."""
    written = writing.write_found(news)
    places = [(one.stored.occurred_at, one.stored.id) for one in news]
    if again := [place for place in places if place not in written]:
        unread.enqueue(now, again)
    if moved := [place for one, place in zip(news, places, strict=True) if one.has_language and place in written]:
        copies.remember(now, moved)


def _copied(now: datetime, only: Collection[int] | None) -> ReadReport:
    """Carry what earlier slices have found to verdicts and costs, first of all: however much is unread, it gets its turn."""
    report = ReadReport()
    for project_id in copies.waiting(now - copies.WAIT, only):
        with project_scope(project_id):
            done = copies.copy(now, COPIES_AT_ONCE)
        report += ReadReport(copied=done.interactions, left=done.left)
    return report


def _copy_early(now: datetime, only: Collection[int] | None) -> None:
    """Carry on what was found just now, too; a later slice does it again."""
    for project_id in copies.waiting(now, only):
        with project_scope(project_id):
            copies.copy_early(now)
