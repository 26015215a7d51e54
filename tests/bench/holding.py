"""Workers held still while storing alone is measured: they would count what is posted meanwhile."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from observatory.embedded.server import LOGINS
from tests.bench import machine
from tests.faults.stack import Stack


@contextmanager
def workers_stopped(stack: Stack) -> Iterator[None]:
    """Hold the workers still, between two transactions."""
    held = machine.named(stack.processes(), "worker")
    try:
        while _signalled(held, signal.SIGSTOP) and _are_inside(stack):
            _signalled(held, signal.SIGCONT)
            time.sleep(0.1)
        yield
    finally:
        _signalled(held, signal.SIGCONT)


def _signalled(pids: Sequence[int], what: signal.Signals) -> bool:
    for pid in pids:
        os.kill(pid, what)
    return bool(pids)


def _are_inside(stack: Stack) -> bool:
    """Whether a worker is in the middle of a transaction, whose locks would outlast all patience."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'"
    with psycopg.connect(stack.superuser_url, autocommit=True) as superuser:
        return bool(superuser.execute(query, [LOGINS["jobs"]]).fetchone() != (0,))
