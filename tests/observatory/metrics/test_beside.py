"""A second line of work goes on at the same time, is waited for, and is told to stop when the first one breaks off."""

import logging
import threading
from typing import Any

import pytest
from django.db import connection

from observatory.metrics import beside as module
from observatory.metrics.beside import beside


def test_both_go_on_at_the_same_time_over_connections_of_their_own() -> None:
    met = threading.Barrier(2, timeout=10)

    def work() -> Any:
        met.wait()
        connection.ensure_connection()
        return connection.connection

    with beside(work, stop=lambda: None) as other:
        met.wait()
        connection.ensure_connection()
        mine = connection.connection
    assert other.result() is not mine
    assert other.result().closed
    assert not mine.closed


def test_what_it_fails_with_is_raised_when_it_is_asked_for() -> None:
    with beside(lambda: 1 / 0, stop=lambda: None) as other:
        pass
    with pytest.raises(ZeroDivisionError):
        other.result()


def test_a_block_that_fails_stops_it_and_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    stopped, ended = threading.Event(), threading.Event()

    def work() -> None:
        assert stopped.wait(10)
        ended.set()
        raise LookupError("it failed, too")

    with caplog.at_level(logging.ERROR), pytest.raises(ZeroDivisionError), beside(work, stopped.set):
        raise ZeroDivisionError
    assert ended.is_set()
    assert "it failed, too" in caplog.text


def test_an_interrupted_wait_stops_it(monkeypatch: Any) -> None:
    stopped = threading.Event()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), beside(lambda: stopped.wait(10), stopped.set) as other:
        pass
    assert other.result()
