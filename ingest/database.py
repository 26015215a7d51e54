"""What a request does when the database is away, slow or new: try once more where that helps, else say so at once."""

from collections.abc import Callable
from typing import TypeVar

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection
from psycopg_pool import PoolTimeout

from ingest.driver.doubt import NotAsked, Unanswered

T = TypeVar("T")
log = structlog.get_logger(__name__)

# SQLSTATEs after which the very same work may well succeed: the server was restarted under a pooled connection,
# or two transactions stood in each other's way.
RESTARTED = ("57P01", "57P02", "57P03")
COLLIDED = ("40001", "40P01")


class Unavailable(Exception):
    """The database cannot take or give anything now; the sender should come back after `retry_after` seconds."""

    retry_after = 2


def steadfast(work: Callable[[], T]) -> T:
    """Do idempotent work; once more on a lost connection or a collision. Raises Unavailable when that fails too."""
    try:
        return work()
    except (psycopg.Error, DatabaseError, InterfaceError) as error:
        cause = _psycopg_error(error)
        if cause is None or not _is_worth_another_try(cause):
            raise _refusal(cause, error) from error
        log.warning("database_retry", error=type(cause).__name__, sqlstate=cause.sqlstate)
    connection.close()  # the pool throws away what is as dead
    try:
        return work()
    except (psycopg.Error, DatabaseError, InterfaceError) as error:
        raise _refusal(_psycopg_error(error), error) from error


def is_away(error: BaseException | None) -> bool:
    """Whether an error says that the database cannot answer now, and nothing about the question."""
    if error is None or isinstance(error, Unavailable):
        return error is not None
    return isinstance(_psycopg_error(error), psycopg.OperationalError | psycopg.InterfaceError)


def _psycopg_error(error: BaseException) -> psycopg.Error | None:
    """The driver's error behind Django's."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return cause if isinstance(cause, psycopg.Error) else None


def _is_worth_another_try(error: psycopg.Error) -> bool:
    if isinstance(error, PoolTimeout | Unanswered):
        return False
    state = error.sqlstate
    is_lost = state is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return is_lost or (state or "").startswith("08") or state in RESTARTED or state in COLLIDED


def _refusal(cause: psycopg.Error | None, error: Exception) -> Exception:
    """Operational trouble becomes Unavailable; anything else is a defect of ours and stays what it is."""
    if cause is not None and is_away(cause):
        if not isinstance(cause, NotAsked):  # the one who asked says it
            log.error("database_unavailable", error=type(cause).__name__, sqlstate=cause.sqlstate)
        return Unavailable()
    return error
