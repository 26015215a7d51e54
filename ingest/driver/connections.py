"""psycopg's connection with a deadline, and the pool's door that finds out which connections are dead."""

import select
import time
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout  # what wait() raises, by its documentation
from psycopg.rows import Row, TupleRow
from psycopg_pool import ConnectionPool

from ingest.driver import patience
from ingest.driver.doubt import SERVER, TRIAL_S, Unanswered
from ingest.driver.sockets import enlarge_send_buffer

RV = TypeVar("RV")
GLANCE_S = 0.1
DOUBT_AFTER_S = 5.0  # the web's statement_timeout: a server that lives has said something by then


class PatientConnection(psycopg.Connection[Row]):
    """A connection on which no wait lasts longer than `patience_s`, nor than the budget around it.

    When time is up the connection is hung up on our side, without a word that the server would have to read: a frozen
    server cannot be asked to cancel anything. It is of no use afterwards; pools throw it away.
    """

    patience_s: float | None = None

    @classmethod
    def connect(  # type: ignore[override]  # one more option, which is not libpq's
        cls, conninfo: str = "", *, patience_s: float | None = None, **options: Any
    ) -> Self:
        """Connect as psycopg does, within `connect_timeout`; None waits for ever, as only migrations may."""
        connection = super().connect(conninfo, **options)
        connection.patience_s = patience_s
        enlarge_send_buffer(connection.fileno())
        return connection

    def wait(self, gen: PQGen[RV], interval: float = GLANCE_S, timeout: float | None = None) -> RV:
        """Wait for libpq. Raises Unanswered when patience ends, or psycopg's own error at the caller's `timeout`."""
        own = patience.left(self.patience_s)
        is_own = own is not None and (timeout is None or own <= timeout)
        began = time.monotonic()
        try:
            return super().wait(gen, interval, own if is_own else timeout)
        except _WaitTimeout:
            if not is_own:
                raise
            self.pgconn.finish()
            if time.monotonic() - began >= DOUBT_AFTER_S:
                SERVER.rise()
            raise Unanswered(f"the server did not answer within {own:.1f} s") from None
        finally:
            patience.spend(time.monotonic() - began)


def lend(pool: "ConnectionPool[PatientConnection[TupleRow]]") -> "PatientConnection[TupleRow]":
    """Take a living connection out of the pool. Raises Unanswered, NotAsked or PoolTimeout."""
    if not SERVER.may_ask(time.monotonic()):
        return _taken(pool, pool.timeout)
    answered = False
    try:
        with patience.at_most(TRIAL_S):
            connection = _taken(pool, TRIAL_S)
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                pool.putconn(connection)
                raise
        answered = True
        return connection
    finally:
        SERVER.end_trial(answered=answered)


def _taken(pool: "ConnectionPool[PatientConnection[TupleRow]]", seconds: float) -> "PatientConnection[TupleRow]":
    """The first connection whose server has not hung up; the dead ones on the way are thrown away."""
    began = time.monotonic()
    allowed = patience.left(seconds) or 0.0
    try:
        while True:
            connection = pool.getconn(timeout=allowed - (time.monotonic() - began))
            if not has_hung_up(connection):
                return connection
            pool.putconn(connection)
    finally:
        patience.spend(time.monotonic() - began)


def has_hung_up(connection: "psycopg.Connection[Any]") -> bool:
    """Whether the server ended an idle connection, told by what lies in its socket: no question is asked."""
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        while poll.poll(0):
            connection.pgconn.consume_input()
    except (psycopg.Error, OSError):
        return True
    return connection.closed
