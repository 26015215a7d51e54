"""An export on its way: whole or visibly not, tried again for a while, holding nothing between two pages."""

import csv
import gzip
import io
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection

from ingest.database import Unavailable
from ingest.timeline import DAY, floor
from observatory.metrics.exports import streams
from observatory.metrics.exports.desks import Busy, Desks
from observatory.metrics.exports.forms import CSV, LINES
from tests.factories import interactions

TODAY = floor(datetime.now(UTC), DAY)


class Failing:
    """A source whose second page fails so many times."""

    names = ("a", "b")

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.times, self.error, self.read = times, error or Unavailable(), 0

    def page(self) -> list[Any] | None:
        if self.read == 1 and self.times:
            self.times -= 1
            raise self.error
        self.read += 1
        return [(self.read, "=x")] if self.read <= 3 else None


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(streams, "WAITS_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(streams, "LINGER_S", 0.0)


def test_what_fails_for_a_while_is_tried_again(project, soon):
    whole = b"".join(streams.Export(project.pk, Failing(2), CSV, is_packed=False))
    assert whole == b"a,b\r\n1,'=x\r\n2,'=x\r\n3,'=x\r\n"


def test_where_no_row_comes_for_long_a_byte_held_back_does(project, monkeypatch):
    monkeypatch.setattr(streams, "QUIET_S", -1.0)

    class Sparse:
        names = ("a", "b")
        pages = iter([[(1, "x")], [], [], [(2, "y")], []])

        def page(self) -> list[Any] | None:
            return next(self.pages, None)

    pieces = list(streams.Export(project.pk, Sparse(), CSV, is_packed=False))
    assert b"".join(pieces) == b"a,b\r\n1,x\r\n2,y\r\n"
    assert [len(piece) for piece in pieces] == [1, 1, 1, 12]


@pytest.mark.parametrize("error", [Unavailable(), ValueError("a defect")])
def test_what_breaks_off_ends_in_a_line_that_no_reader_takes_for_a_row(project, soon, error):
    lines = b"".join(streams.Export(project.pk, Failing(9, error), LINES, is_packed=False)).splitlines()
    assert json.loads(lines[0]) == {"a": 1, "b": "=x"}
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[1])
    assert b"could not read on" in lines[1]
    broken = b"".join(streams.Export(project.pk, Failing(9, error), CSV, is_packed=False)).decode()
    with pytest.raises(csv.Error):
        list(csv.reader(io.StringIO(broken, newline=""), strict=True))
    import pandas as pd

    with pytest.raises(pd.errors.ParserError):
        pd.read_csv(io.StringIO(broken))
    packed = b"".join(streams.Export(project.pk, Failing(9, error), CSV, is_packed=True))
    with pytest.raises(EOFError):
        gzip.decompress(packed)


def test_nothing_is_held_between_two_pages_and_the_desk_is_free_at_the_end(project, monkeypatch):
    monkeypatch.setattr(streams, "HELD", 1)
    export = streams.Export(project.pk, Failing(0), CSV, is_packed=False)
    assert connection.connection is None
    next(export)
    next(export)
    assert connection.connection is None
    other = streams.Export(project.pk, Failing(0), CSV, is_packed=False)
    with pytest.raises(Busy):
        streams.Export(project.pk, Failing(0), CSV, is_packed=False)
    export.close()
    export.close()
    again = streams.Export(project.pk, Failing(0), CSV, is_packed=False)
    again.close()
    other.close()


def test_a_project_and_all_of_them_have_so_many_desks():
    desks = Desks(2, 3)
    for project in (1, 1, 2):
        desks.take(project)
    for project in (1, 2, 3):
        with pytest.raises(Busy):
            desks.take(project)
    desks.leave(1)
    desks.take(3)


def test_a_third_export_at_once_is_429_until_a_reader_hangs_up(web, project, key):
    def get() -> httpx2.Response:
        address = f"{web}/api/v1/export/interactions.csv?window=7d"
        return httpx2.get(address, headers={"x-api-key": key}, timeout=20)

    at = TODAY - DAY
    interactions(project, [{"at": at + n * timedelta(milliseconds=1), "user_id": "u" * 900} for n in range(9_000)])
    host, _, port = web.removeprefix("http://").partition(":")
    head = (
        f"GET /api/v1/export/interactions.jsonl?window=7d HTTP/1.1\r\nHost: {host}:{port}\r\nx-api-key: {key}\r\n\r\n"
    )
    readers = [socket.create_connection((host, int(port)), 10) for _ in range(2)]
    try:
        for one in readers:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sendall(head.encode())
        begun = [one.recv(12) for one in readers]
        assert begun == [b"HTTP/1.1 200"] * 2
        refused = get()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    finally:
        for one in readers:
            one.close()
    deadline = time.monotonic() + 10
    while (answer := get()).status_code == 429 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(answer.text.splitlines()) == 1 + 9_000
