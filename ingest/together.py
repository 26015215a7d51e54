"""One commit for small requests that wait together.

A commit waits for the disk, and a statement costs about as much for one row as for ten. While some requests of a project
are being stored, those that come meanwhile line up; the first of them then stores for all. Nobody waits for company: a
request that finds the line empty goes at once. Each still gets its own answer, and only after the commit.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import structlog

from ingest.database import Unavailable
from ingest.driver import patience
from ingest.normalise import Entry
from ingest.quotas.places import step_aside
from ingest.storage import Stored

SMALL = 10
"""A request of more entries than this goes alone: it has company enough."""
MOST_ENTRIES = 100
LONGEST_WAIT_S = 60.0  # where no request limits it
AT_WORK = 2
"""So many commits of one line are under way at once: while one waits for the disk, another's rows are made."""
log = structlog.get_logger(__name__)
Storing = Callable[[Sequence[Entry]], Stored]


@dataclass(eq=False)
class _Ticket:
    """A request in line. Its `gate` opens when it was stored, when that failed, or when it is its turn to store."""

    entries: Sequence[Entry]
    gate: threading.Lock = field(default_factory=threading.Lock)  # half the price of an Event
    has_turn: bool = False
    stored: Stored | None = None
    failure: Unavailable | None = None


class _Line:
    """Those who wait to be stored, in the order in which they came."""

    def __init__(self) -> None:
        self.waiting: list[_Ticket] = []
        self.at_work = 0


_lock = threading.Lock()
_lines: dict[Hashable, _Line] = {}


def stored_together(line: Hashable, entries: Sequence[Entry], storing: Storing) -> Stored:
    """Store a request's entries, with those of others in the same line where there are some.

    Requests of one line must be such that `storing` treats their entries alike. Raises what `storing` raises for these
    entries alone: what somebody else's spoil is tried again without them.
    """
    if not 0 < len(entries) <= SMALL:
        return storing(entries)
    ticket = _Ticket(entries)
    _join(line, ticket)
    if ticket.has_turn:
        try:
            _store_for(_company_of(line, ticket), storing)
        finally:
            _pass_on(line)
    if ticket.failure:
        raise ticket.failure
    return ticket.stored or storing(entries)


def _join(line: Hashable, ticket: _Ticket) -> None:
    """Take the turn if there is one, else wait in line until somebody has stored this ticket or passes the turn on.

    Raises Unavailable when the request's patience ends before.
    """
    with _lock:
        found = _lines.setdefault(line, _Line())
        if found.at_work < AT_WORK:
            found.at_work += 1
            ticket.has_turn = True
            return
        found.waiting.append(ticket)
        ticket.gate.acquire()  # closed
    step_aside()
    began = time.monotonic()
    is_open = ticket.gate.acquire(timeout=patience.left(LONGEST_WAIT_S) or 0.0)
    patience.spend(time.monotonic() - began)
    if not is_open:
        _leave(line, ticket)


def _leave(line: Hashable, ticket: _Ticket) -> None:
    """Give up waiting, unless it has just come to an end. What is being stored may still be: sending again tells."""
    with _lock:
        found = _lines.get(line)
        if found and ticket in found.waiting:
            found.waiting.remove(ticket)
        elif ticket.has_turn or ticket.stored or ticket.failure:
            return
    raise Unavailable


def _company_of(line: Hashable, ticket: _Ticket) -> list[_Ticket]:
    """The ticket whose turn it is, first, and as many of those behind it as one statement should take."""
    company, size = [ticket], len(ticket.entries)
    with _lock:
        waiting = _lines[line].waiting
        while waiting and size + len(waiting[0].entries) <= MOST_ENTRIES:
            size += len(waiting[0].entries)
            company.append(waiting.pop(0))
    return company


def _store_for(company: Sequence[_Ticket], storing: Storing) -> None:
    """Store all tickets in one commit. Whatever comes of it, nobody is left waiting."""
    try:
        _share(company, storing([entry for ticket in company for entry in ticket.entries]))
    except Unavailable as failure:
        for ticket in company:
            ticket.failure = failure
    except Exception:
        if len(company) == 1:
            raise
        log.exception("together_failed", requests=len(company))
    finally:
        for ticket in company[1:]:
            ticket.gate.release()


def _share(company: Sequence[_Ticket], stored: Stored) -> None:
    """Give each ticket what became of its keys: one that an earlier ticket brought was known before."""
    brought = dict(stored.known)
    for ticket in company:
        known = {entry.key: brought[entry.key] for entry in ticket.entries if entry.key in brought}
        ticket.stored = Stored(stored.fresh, known)
        for entry in ticket.entries:
            brought.setdefault(entry.key, entry.content)


def _pass_on(line: Hashable) -> None:
    """Give the turn to the next in line, or leave."""
    with _lock:
        found = _lines[line]
        if found.waiting:
            heir = found.waiting.pop(0)
            heir.has_turn = True
            heir.gate.release()
            return
        found.at_work -= 1
        if not found.at_work:
            del _lines[line]
