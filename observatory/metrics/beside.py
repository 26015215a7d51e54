"""A second line of work beside this one, with a database connection of its own."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection

T = TypeVar("T")

log = logging.getLogger(__name__)


@contextmanager
def beside(work: Callable[[], T], stop: Callable[[], None]) -> Iterator[Future[T]]:
    """Do some work in a thread while the block goes on; what it gives or raises is known after the block.

    When the block fails, or waiting for the work is interrupted, the work is told to stop and waited for; what it fails
    with then is logged.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_on_its_own, work)
        try:
            yield future
            wait([future])
        except BaseException:
            stop()
            if error := future.exception():
                log.error("what went on beside it failed, too", exc_info=error)
            raise


def _on_its_own(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()
