"""Exports over real HTTP: every row once, whole or visibly not, without holding anything between two pages."""

import csv
import gzip
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import connection

from ingest.database import Unavailable
from ingest.dimensions import Component, CostSource, FeedbackKind
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import roller
from observatory.metrics.exports import records, streams
from observatory.metrics.exports.columns import INTERACTIONS
from observatory.metrics.exports.desks import Busy, Desks
from observatory.metrics.exports.forms import CSV, LINES
from observatory.metrics.exports.records import Records
from tests.factories import costs, interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY)
Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET an export with the fresh project's key."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(path: str, key: str = key, headers: dict[str, str] | None = None, **parameters: str) -> Any:
            sent = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity", **(headers or {})}
            return client.get(f"/api/v1/export/{path}", params=parameters, headers=sent)

        yield fetch


@pytest.fixture
def filled(project: Project) -> Project:
    """Twelve calls of two features over three days, rated and paid for."""
    rows = [
        {
            "id": f"call-{number:02}",
            "at": TODAY - (3 - number % 3) * DAY + HOUR + number * MINUTE,
            "feature": ("write-draft", "translate")[number % 2],
            "model": "a-large",
            "user_id": f"user-{number % 5}",
            "latency_ms": 400.5 + number,
            "cost_nano": 2_000_001,
            "cost_source": int(CostSource.CATALOGUE),
        }
        for number in range(12)
    ]
    names = interactions(project, rows)
    verdicts(project, [{"interaction": name, "kind": int(FeedbackKind.THUMB), "value": 1.0} for name in names])
    costs(project, [{"at": TODAY - DAY, "amount_nano": 450_000_000, "component": int(Component.HUMAN_REVIEW)}])
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    return project


def rows_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))
    return [json.loads(line) for line in answer.text.splitlines()]


def test_every_point_of_every_metric_and_group_is_a_row_and_says_what_the_api_says(get, filled, web, key):
    names = "calls,thumbs_up_rate,cost_total,dau"
    asked = {"from": (TODAY - 3 * DAY).isoformat(), "to": TODAY.isoformat(), "grain": "1d"}
    found = rows_of(get("metrics.jsonl", metrics=names, group_by="feature", **asked))
    assert len(found) == 4 * 3 * 3  # the cost without a feature is a group of its own
    for row in found:
        headers = {"Authorization": f"Bearer {key}"}
        told = httpx2.get(
            f"{web}/api/v1/metrics/{row['metric']}", params=asked | {"feature": row["group"]}, headers=headers
        ).json()
        (point,) = [point for point in told["series"] if point["from"] == row["from"]]
        low, high = point.pop("interval") or (None, None)
        point |= {"metric": row["metric"], "unit": told["unit"], "group": row["group"]}
        assert row == point | {"interval_low": low, "interval_high": high}


def test_csv_says_the_same_as_json_lines(get, filled):
    for path, asked in (
        ("metrics", {"metrics": "calls,error_rate,cost_total", "window": "7d", "grain": "1d"}),
        ("interactions", {"window": "7d", "text": "1"}),
        ("costs", {"window": "7d", "text": "1"}),
    ):
        read, parsed = rows_of(get(f"{path}.csv", **asked)), rows_of(get(f"{path}.jsonl", **asked))
        assert len(read) == len(parsed) > 0
        for line, item in zip(read, parsed, strict=True):
            assert list(line) == list(item)
            for name, value in item.items():
                told = line[name]
                if isinstance(value, bool) or value is None:
                    assert told == {True: "true", False: "false", None: ""}[value]
                elif isinstance(value, list):
                    assert told == " ".join(value)
                else:
                    assert type(value)(told) == value


def test_records_come_in_order_of_time_with_names_for_numbers(get, filled):
    found = rows_of(get("interactions.jsonl", window="7d"))
    assert [row["occurred_at"] for row in found] == sorted(row["occurred_at"] for row in found)
    assert {row["id"] for row in found} == {f"call-{number:02}" for number in range(12)}
    one = next(row for row in found if row["id"] == "call-03")
    assert (one["feature"], one["served_model"], one["provider"]) == ("translate", "a-large", None)
    assert (one["cost_usd"], one["cost_source"], one["latency_ms"]) == (0.002000001, "catalogue", 403.5)
    assert (one["status"], one["error_class"], one["flags"], one["input_tokens"]) == ("ok", None, [], None)
    assert "prompt" not in one
    (cost,) = rows_of(get("costs.jsonl", window="7d"))
    assert (cost["component"], cost["amount_usd"], cost["feature"]) == ("human_review", 0.45, None)


def test_texts_are_there_when_asked_for_and_as_the_policy_keeps_them(make_project, make_key, get, post):
    for policy in ("full", "hashed"):
        project = make_project(text_policy=policy)
        key = make_key(project)
        messages = [{"role": "user", "content": '=1+1, "so"\r\nhe said'}]
        item = {"id": "one", "feature": "a", "prompt": messages, "output": "-2, @home", "metadata": {"a": [1, "x"]}}
        assert post("interactions", item, key=key).json()["created"] == 1
        said = {"id": "f", "kind": "correction", "interaction_id": "one", "final_text": "better", "comment": "+1"}
        assert post("feedback", said, key=key).json()["created"] == 1
        (row,) = rows_of(get("interactions.jsonl", key=key, text="1"))
        (line,) = rows_of(get("interactions.csv", key=key, text="1"))
        (event,) = rows_of(get("feedback.jsonl", key=key, text="1"))
        assert (event["kind"], event["interaction_id"], event["feature"]) == ("correction", "one", "a")
        assert row["metadata"] == json.loads(line["metadata"])
        if policy == "full":
            assert row["metadata"] == {"a": [1, "x"]}
            assert (row["prompt"], row["output"]) == (messages, "-2, @home")
            assert (json.loads(line["prompt"]), line["output"]) == (messages, "'-2, @home")
            assert (event["final_text"], event["comment"], row["prompt_hash"]) == ("better", "+1", None)
        else:
            assert (row["prompt"], row["output"], line["output"], event["final_text"]) == (None, None, "", None)
            assert len(row["prompt_hash"]) > 16
        assert "comment" not in rows_of(get("feedback.jsonl", key=key))[0]


def test_a_filter_by_feature_and_a_window_choose_rows(get, filled):
    found = rows_of(get("interactions.csv", window="7d", feature="translate"))
    assert len(found) == 6
    assert {row["feature"] for row in found} == {"translate"}
    begin, end = TODAY - 3 * DAY, TODAY - 2 * DAY
    assert len(rows_of(get("interactions.csv", **{"from": begin.isoformat(), "to": end.isoformat()}))) == 4
    assert rows_of(get("interactions.csv", **{"from": (TODAY - 99 * DAY).isoformat(), "to": begin.isoformat()})) == []


def test_the_file_has_a_name_that_tells_project_kind_and_window(get, filled):
    answer = get("interactions.csv", **{"from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"})
    name = f"{filled.slug}-interactions-20260105T000000Z-20260106T000000Z.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.endswith(b"\r\n")
    head = httpx2.head(str(answer.request.url), headers=dict(answer.request.headers))
    assert (head.status_code, head.content) == (200, b"")


def test_gzip_is_for_those_who_ask_for_it(get, filled):
    plain = get("interactions.csv", window="7d")
    packed = get("interactions.csv", window="7d", headers={"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text
    assert [streams.wants_gzip(said) for said in ("gzip;q=0", "GZIP ; q=0.5", "deflate", "")] == [
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "said"),
    [
        ("metrics.csv", {}, 400, "metrics names 1 to 100"),
        ("metrics.csv", {"metrics": "calls,mood"}, 404, "no metric 'mood'"),
        ("metrics.csv", {"metrics": "calls", "group_by": "mood"}, 400, "feature, model"),
        ("metrics.csv", {"metrics": "calls,dau", "grain": "1h"}, 400, "dau goes by local days"),
        ("metrics.csv", {"metrics": "calls,dau", "group_by": "model"}, 400, "dau is not kept by model"),
        ("metrics.csv", {"metrics": "calls", "window": "90d", "grain": "15m"}, 400, "grain 1d"),
        ("metrics.csv", {"metrics": "calls", "feature": "poem"}, 404, "no feature 'poem'"),
        ("interactions.csv", {"feature": "poem"}, 404, "there are translate, write-draft"),
        ("interactions.csv", {"text": "yes"}, 400, "text is 0 or 1"),
        ("interactions.csv", {"metrics": "calls"}, 400, "unknown parameter 'metrics'"),
        ("interactions.csv", {"window": "7y"}, 400, "15m, 24h or 7d"),
        ("interactions.csv", {"time_zone": "Europe/Berlim"}, 400, "Europe/Berlin"),
    ],
)
def test_what_cannot_be_exported_is_a_problem_that_says_what_can(get, filled, path, parameters, status, said):
    answer = get(path, **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


def test_a_key_needs_the_read_scope(get, project, make_key):
    assert get("interactions.csv", key=make_key(project, "ingest")).status_code == 403


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(records, "PAGE", 5)
    monkeypatch.setattr(records, "SEARCHED", 7)


def all_of(project: Project, source: Any) -> list[dict[str, Any]]:
    from ingest.projects.access import project_scope

    found = []
    while True:
        with project_scope(project.pk):
            page = source.page()
        if page is None:
            return found
        found += [dict(zip(source.names, row, strict=True)) for row in page]


def test_pages_lose_and_repeat_nothing_where_many_rows_share_an_instant(project, small_pages):
    at = TODAY - DAY
    names = interactions(project, [{"at": at + (n // 9) * MINUTE, "feature": "ab"[n % 3 == 0]} for n in range(60)])
    window = Window(at, TODAY)
    assert [row["id"] for row in all_of(project, Records(INTERACTIONS, window))] == sorted(
        names, key=lambda one: (names.index(one) // 9, one)
    )
    from ingest import dictionary
    from ingest.dimensions import Dimension
    from ingest.projects.access import project_scope

    with project_scope(project.pk):
        number = dictionary.number_of(Dimension.FEATURE, "b")
    found = all_of(project, Records(INTERACTIONS, window, number))
    assert {row["id"] for row in found} == {name for n, name in enumerate(names) if n % 3 == 0}
    assert len(found) == 20
    assert all_of(project, Records(INTERACTIONS, Window(TODAY - 9 * DAY, TODAY - 8 * DAY), number)) == []


def test_a_page_ends_where_its_texts_weigh_enough(project, post, monkeypatch):
    monkeypatch.setattr(records, "PAGE_BYTES", 3_000)
    for number in range(10):
        post("interactions", {"id": f"i{number}", "feature": "a", "prompt": "x" * 1_000, "output": "y" * 400})
    from ingest.projects.access import project_scope

    now = datetime.now(UTC)
    source = Records(INTERACTIONS, Window(now - HOUR, now + HOUR), has_texts=True)
    with project_scope(project.pk):
        pages = []
        while (page := source.page()) is not None:
            pages.append(len(page))
    assert (sum(pages), max(pages)) == (10, 3)


def test_a_value_that_enters_the_dictionary_meanwhile_is_named(project, small_pages):
    from ingest.projects.access import project_scope

    interactions(project, [{"at": TODAY - DAY + n * MINUTE, "feature": "old"} for n in range(7)])
    source = Records(INTERACTIONS, Window(TODAY - 2 * DAY, TODAY))
    with project_scope(project.pk):
        source.page()
    interactions(project, [{"at": TODAY - DAY + 8 * MINUTE, "feature": "brand-new"}])
    assert [row["feature"] for row in all_of(project, source)] == ["old", "old", "brand-new"]


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


def test_a_third_export_at_once_is_429_until_a_reader_hangs_up(web, project, key, get):
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
        refused = get("interactions.csv", window="7d")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    finally:
        for one in readers:
            one.close()
    deadline = time.monotonic() + 10
    while (answer := get("interactions.csv", window="7d")).status_code == 429 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(rows_of(answer)) == 9_000
    assert threading.active_count() < 50
