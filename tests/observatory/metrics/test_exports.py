"""Exports over real HTTP: every row once, whole or visibly not, without holding anything between two pages."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import httpx2
import pytest

from ingest.dimensions import Component, CostSource, FeedbackKind
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import roller
from observatory.metrics.exports import records, streams
from observatory.metrics.exports.columns import INTERACTIONS
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


@pytest.fixture(scope="module")
def filled(make_project: Any) -> Project:
    """Twelve calls of two features over three days, rated and paid for; for tests that only ask."""
    project: Project = make_project()
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


@pytest.fixture(scope="module")
def filled_key(filled: Project, make_key: Any) -> str:
    """A key of that project."""
    return str(make_key(filled))


@pytest.fixture
def get_filled(get: Get, filled_key: str) -> Get:
    """GET an export with that key."""
    return partial(get, key=filled_key)


def rows_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/csv"):
        return list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))
    return [json.loads(line) for line in answer.text.splitlines()]


def test_every_point_of_every_metric_and_group_is_a_row_and_says_what_the_api_says(get_filled, web, filled_key):
    names = "calls,thumbs_up_rate,cost_total,dau"
    asked = {"from": (TODAY - 3 * DAY).isoformat(), "to": TODAY.isoformat(), "grain": "1d"}
    found = rows_of(get_filled("metrics.jsonl", metrics=names, group_by="feature", **asked))
    assert len(found) == 4 * 3 * 3  # the cost without a feature is a group of its own

    @cache
    def answered(metric: str, group: str) -> Any:
        address, headers = f"{web}/api/v1/metrics/{metric}", {"x-api-key": filled_key}
        return httpx2.get(address, params=asked | {"feature": group}, headers=headers).json()

    for row in found:
        told = answered(row["metric"], row["group"])
        (point,) = [dict(point) for point in told["series"] if point["from"] == row["from"]]
        low, high = point.pop("interval") or (None, None)
        point |= {"metric": row["metric"], "unit": told["unit"], "group": row["group"], "untold": None}
        assert row == point | {"interval_low": low, "interval_high": high}


def test_csv_says_the_same_as_json_lines(get_filled):
    for path, asked in (
        ("metrics", {"metrics": "calls,error_rate,cost_total", "window": "7d", "grain": "1d"}),
        ("interactions", {"window": "7d", "text": "1"}),
        ("costs", {"window": "7d", "text": "1"}),
    ):
        read, parsed = rows_of(get_filled(f"{path}.csv", **asked)), rows_of(get_filled(f"{path}.jsonl", **asked))
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


def test_records_come_in_order_of_time_with_names_for_numbers(get_filled):
    found = rows_of(get_filled("interactions.jsonl", window="7d"))
    assert [row["occurred_at"] for row in found] == sorted(row["occurred_at"] for row in found)
    assert {row["id"] for row in found} == {f"call-{number:02}" for number in range(12)}
    one = next(row for row in found if row["id"] == "call-03")
    assert (one["feature"], one["served_model"], one["provider"]) == ("translate", "a-large", None)
    assert (one["cost_usd"], one["cost_source"], one["latency_ms"]) == (0.002000001, "catalogue", 403.5)
    assert (one["status"], one["error_class"], one["flags"], one["input_tokens"]) == ("ok", None, [], None)
    assert "prompt" not in one
    (cost,) = rows_of(get_filled("costs.jsonl", window="7d"))
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


def test_what_had_to_be_repaired_has_its_flag(get, post):
    for broken in ("", "\0"):
        post("feedback", {"kind": "nps", "score": 9, "comment": f"well{broken}"})
        post("costs", {"component": "other", "amount_usd": 1, "description": f"bill{broken}"})
    for kind, text in (("feedback", "comment"), ("costs", "description")):
        found = {row[text][4:]: row["flags"] for row in rows_of(get(f"{kind}.jsonl", text="1"))}
        assert found == {"": [], "\ufffd": ["text_repaired"]}


def test_a_filter_by_feature_and_a_window_choose_rows(get_filled):
    found = rows_of(get_filled("interactions.csv", window="7d", feature="translate"))
    assert len(found) == 6
    assert {row["feature"] for row in found} == {"translate"}
    begin, end = TODAY - 3 * DAY, TODAY - 2 * DAY
    assert len(rows_of(get_filled("interactions.csv", **{"from": begin.isoformat(), "to": end.isoformat()}))) == 4
    assert (
        rows_of(get_filled("interactions.csv", **{"from": (TODAY - 99 * DAY).isoformat(), "to": begin.isoformat()}))
        == []
    )


def test_the_file_has_a_name_that_tells_project_kind_and_window(get_filled, filled):
    answer = get_filled("interactions.csv", **{"from": "2026-01-05T00:00:00Z", "to": "2026-01-06T00:00:00Z"})
    name = f"{filled.slug}-interactions-20260105T000000Z-20260106T000000Z.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.endswith(b"\r\n")
    head = httpx2.head(str(answer.request.url), headers=dict(answer.request.headers))
    assert (head.status_code, head.content) == (200, b"")


def test_gzip_is_for_those_who_ask_for_it(get_filled):
    plain = get_filled("interactions.csv", window="7d")
    packed = get_filled("interactions.csv", window="7d", headers={"Accept-Encoding": "br, gzip"})
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
        ("metrics.csv", {}, 400, "metrics names one metric or more"),
        ("metrics.csv", {"metrics": "calls,mood"}, 404, "no metric 'mood'"),
        ("metrics.csv", {"metrics": "calls", "group_by": "mood"}, 400, "feature, model"),
        ("metrics.csv", {"metrics": "calls,dau", "grain": "1h"}, 400, "dau goes by local days"),
        ("metrics.csv", {"metrics": "calls,dau", "group_by": "model"}, 400, "dau is kept by feature, not by model"),
        ("metrics.csv", {"metrics": "calls", "window": "90d", "grain": "15m"}, 400, "grain 1d"),
        ("metrics.csv", {"metrics": "calls", "feature": "poem"}, 404, "no feature 'poem'"),
        ("interactions.csv", {"feature": "poem"}, 404, "there are translate, write-draft"),
        ("interactions.csv", {"text": "yes"}, 400, "text is 0 or 1"),
        ("interactions.csv", {"metrics": "calls"}, 400, "unknown parameter 'metrics'"),
        ("interactions.csv", {"window": "7y"}, 400, "15m, 24h or 7d"),
        ("interactions.csv", {"time_zone": "Europe/Berlim"}, 400, "Europe/Berlin"),
    ],
)
def test_what_cannot_be_exported_is_a_problem_that_says_what_can(get_filled, path, parameters, status, said):
    answer = get_filled(path, **parameters)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


def test_an_export_holds_what_is_its_projects_and_nothing_else(make_project, make_key, get, post):
    keys = [make_key(make_project()) for _ in range(2)]
    for word, key in zip(("pear", "plum"), keys, strict=True):
        item = {"id": word, "feature": word, "prompt": word, "output": word, "user_id": word, "model": word}
        assert post("interactions", item, key=key).json()["created"] == 1
        said = {"kind": "correction", "interaction_id": word, "final_text": word}
        assert post("feedback", said, key=key).status_code == 200
        cost = {"component": "other", "amount_usd": "1", "feature": word, "description": word}
        assert post("costs", cost, key=key).status_code == 200
    for kind in ("interactions", "feedback", "costs"):
        for form in ("csv", "jsonl"):
            found = [get(f"{kind}.{form}", key=key, text="1").text for key in keys]
            assert [("pear" in text, "plum" in text) for text in found] == [(True, False), (False, True)]


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
