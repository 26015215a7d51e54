"""What each metric can be filtered by: what is counted by the minute is exact under every filter that is answered."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest.dimensions import Component, ErrorClass
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import roller, series
from observatory.metrics.reading import State
from observatory.metrics.shelf import DIMENSIONS
from observatory.metrics.windows import BadWindow
from tests.factories import costs, interactions

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + timedelta(hours=13, minutes=7, seconds=20)
AGES = {"minutes": 30 * MINUTE, "hours": 9 * HOUR, "days": 40 * DAY}
BY_THE_MINUTE = ("uptime", "peak_requests_per_minute", "peak_tokens_per_minute")
OTHERS = [name for name in DIMENSIONS if name != "feature"]
ANSWERED: list[dict[str, str]] = [
    {},
    {"feature": "one"},
    *({name: "one"} for name in OTHERS),
    *({"feature": "one", name: "two"} for name in OTHERS),
]
REFUSED: list[dict[str, str]] = [
    {"tier": "one", "region": "one"},
    {"model": "one", "provider": "one"},
    {"feature": "one", "model": "one", "language": "(none)"},
]


def spread(at: datetime) -> list[dict[str, Any]]:
    """A minute in which most of 80 calls fail, and five quiet ones: hardly two calls agree in all their dimensions."""
    chance = random.Random(5)
    return [
        {
            "at": at + minute * MINUTE + timedelta(seconds=number % 60),
            "error_class": int(ErrorClass.SERVER if minute == 0 and number % 10 else ErrorClass.NONE),
            "input_tokens": 10 + number,
            "output_tokens": 1,
            **{name: chance.choice(("one", "two")) for name in DIMENSIONS},
        }
        for minute, count in ((0, 80), *((quiet, 20) for quiet in range(1, 6)))
        for number in range(count)
    ]


def expected(rows: list[dict[str, Any]], by: Mapping[str, str]) -> dict[str, float]:
    """The metrics counted plainly."""
    calls, failed, tokens = Counter[datetime](), Counter[datetime](), Counter[datetime]()
    for row in rows:
        if all(row[name] == value for name, value in by.items()):
            minute = floor(row["at"], MINUTE)
            calls[minute] += 1
            failed[minute] += row["error_class"] != 0
            tokens[minute] += row["input_tokens"] + row["output_tokens"]
    down = sum(calls[minute] >= 5 and 2 * failed[minute] > calls[minute] for minute in calls)
    return dict(zip(BY_THE_MINUTE, (1 - down / len(calls), max(calls.values()), max(tokens.values())), strict=True))


def filled_project(make_project: Any) -> Project:
    """The same minutes some minutes ago, some hours ago, and longer ago than hours are kept."""
    project: Project = make_project(time_zone="UTC")
    rows = [row for age in AGES.values() for row in spread(floor(NOW - age, MINUTE))]
    interactions(project, rows)
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


@pytest.fixture(scope="module")
def filled(make_project: Any) -> Project:
    """One of them for all tests that only ask."""
    return filled_project(make_project)


@pytest.fixture
def inside(filled: Project) -> Iterator[Project]:
    """The same, in the project's scope."""
    with project_scope(filled.pk):
        yield filled


@pytest.fixture
def own(make_project: Any) -> Iterator[Project]:
    """One of the test's own, in its scope."""
    project = filled_project(make_project)
    with project_scope(project.pk):
        yield project


@pytest.mark.parametrize("age", AGES)
def test_an_outage_shows_under_every_filter_that_is_answered(inside: Project, age: str) -> None:
    start = floor(NOW - AGES[age], MINUTE)
    window = Window(floor(start, DAY), floor(start, DAY) + DAY) if age == "days" else Window(floor(start, HOUR), NOW)
    rows = [row for other in AGES.values() for row in spread(floor(NOW - other, MINUTE)) if window.holds(row["at"])]
    reader = series.Reader(NOW)
    for by in ANSWERED:
        told = {name: reader.reading(name, window, where=by).value for name in BY_THE_MINUTE}
        assert told == pytest.approx(expected(rows, by)), by
        assert (told["uptime"] or 1) < 1, by
        assert reader.readings(BY_THE_MINUTE, window, where=by)["uptime"].value == told["uptime"]


@pytest.mark.parametrize("name", BY_THE_MINUTE)
@pytest.mark.parametrize("by", REFUSED, ids=str)
def test_by_several_dimensions_what_goes_by_the_minute_is_refused(
    inside: Project, name: str, by: dict[str, str]
) -> None:
    window, reader = Window(NOW - HOUR, NOW), series.Reader(NOW)
    together = [dimension for dimension in by if dimension != "feature"]
    for ask in (reader.read, reader.reading, reader.series):
        with pytest.raises(BadWindow, match=f"one dimension at a time.*not by {' and '.join(together)} together"):
            ask(name, window, where=by)
    with pytest.raises(BadWindow):
        reader.readings(["calls", name], window, where=by)


def test_groups_of_a_filter_are_told_where_they_are_exact(inside: Project) -> None:
    window, reader = Window(floor(NOW - HOUR, HOUR), NOW), series.Reader(NOW)
    rows = spread(floor(NOW - AGES["minutes"], MINUTE))
    for by in ("tier", "feature", "model"):
        groups = reader.read("uptime", window, group_by=by).groups
        assert {value: one.value for value, one in groups.items()} == pytest.approx(
            {value: expected(rows, {by: value})["uptime"] for value in ("one", "two")}
        )
    within = reader.read("uptime", window, feature="one", group_by="tier").groups
    assert within["two"].value == pytest.approx(expected(rows, {"feature": "one", "tier": "two"})["uptime"])
    for by in ("feature", "model"):
        with pytest.raises(BadWindow, match=f"not by tier and {by} together"):
            reader.read("uptime", window, where={"tier": "one"}, group_by=by)
        found = reader.breakdown(["calls", "uptime"], window, where={"tier": "one"}, by=by)
        assert {row["uptime"].state for row in found.values()} == {State.NOT_INSTRUMENTED}
        assert sum(row["calls"].value or 0 for row in found.values()) == sum(row["tier"] == "one" for row in rows)
    with pytest.raises(BadWindow, match="dau is kept by feature, not by tier"):
        reader.read("dau", window, group_by="tier")


def test_what_has_no_value_of_a_dimension_has_no_busiest_minute_of_nothing(own: Project) -> None:
    interactions(own, [{"at": NOW - 30 * MINUTE, "feature": "one"} for _ in range(3)])
    roller.roll(NOW, only=[own.pk], everything=True)
    window, reader = Window(NOW - HOUR, NOW), series.Reader(NOW)
    assert reader.reading("calls", window, where={"tier": "(none)"}).value == 3
    for name in BY_THE_MINUTE:
        assert reader.reading(name, window, where={"tier": "(none)"}).state is State.NO_DATA, name


def test_the_refusal_says_what_can_be_asked(filled: Project, web: str, make_key: Any) -> None:
    key = make_key(filled)

    def get(path: str, **asked: str) -> Any:
        return httpx2.get(f"{web}/api/v1/{path}", params=asked, headers={"x-api-key": key}, timeout=20)

    for path, asked, parameter, allowed in (
        ("metrics/uptime", {"tier": "one", "region": "one"}, "region", ["feature", "tier"]),
        ("metrics/uptime", {"tier": "one", "group_by": "region"}, "group_by", ["tier"]),
        ("metrics/dau", {"tier": "one"}, "tier", ["feature"]),
        ("metrics/dau", {"group_by": "tier"}, "group_by", ["feature"]),
        ("metrics/cost_anomaly", {"feature": "one"}, "feature", []),
        ("metrics/cost_anomaly", {"group_by": "feature"}, "group_by", []),
        ("metrics/cost_anomaly", {"tier": "one"}, "tier", []),
        ("export/metrics.csv", {"metrics": "calls,cost_anomaly", "feature": "one"}, "feature", []),
        ("export/metrics.csv", {"metrics": "cost_anomaly", "group_by": "feature"}, "group_by", []),
        ("export/metrics.csv", {"metrics": "calls,uptime", "tier": "one", "region": "one"}, "region", ["feature", "tier"]),
        ("export/metrics.csv", {"metrics": "uptime", "tier": "one", "group_by": "region"}, "group_by", ["tier"]),
    ):  # fmt: skip
        answer = get(path, window="90d", **asked)
        assert (answer.status_code, answer.json().get("parameter")) == (400, parameter), answer.text
        assert answer.json()["allowed"] == allowed
        assert answer.json()["detail"]
    by_feature = get("export/metrics.jsonl", metrics="uptime", tier="one", group_by="feature", window="90d", grain="1d")
    assert (by_feature.status_code, '"group":"two"' in by_feature.text) == (200, True)
    found = {metric["name"]: metric["filtered_by"] for metric in get("metrics").json()["metrics"]}
    assert (found["calls"], found["uptime"], found["dau"]) == ("dimensions", "one_dimension", "feature")
    assert found["cost_anomaly"] == "project"


def test_what_has_no_feature_is_not_taken_for_all_features(own: Project) -> None:
    hour = {"component": int(Component.HUMAN_REVIEW), "at": NOW - 30 * MINUTE, "tier": "one"}
    costs(own, [{**hour, "amount_nano": 10**9, "model": "one"}, {**hour, "amount_nano": 2 * 10**9, "feature": "one"}])
    roller.roll(NOW, only=[own.pk], everything=True)
    window, reader = Window(NOW - HOUR, NOW), series.Reader(NOW)
    for by in ({}, {"tier": "one"}, {"model": "one"}, {"model": "one", "tier": "one"}):
        assert reader.reading("cost_human_review", window, feature="(none)", where=by).value == 1, by
        assert reader.reading("calls", window, feature="(none)", where=by).value == 0, by
    groups = reader.read("cost_human_review", window, feature="(none)", group_by="tier").groups
    assert {name: one.value for name, one in groups.items() if one.value} == {"one": 1}
