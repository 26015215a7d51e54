"""Wherever a number comes from combinations of dimensions, it says how many calls these leave out."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest.dimensions import FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import cells, roller, series
from observatory.metrics.reading import State
from tests.factories import costs, interactions, verdicts

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + timedelta(hours=13, minutes=7, seconds=20)
TODAY = floor(NOW, DAY)
CUT = {3: 4, 2: 3, 1: 2, 0: 1}
"""Days ago → the calls of each of two tiers that are cut off there: every day leaves out another number."""

EU = {"region": "eu", "environment": "live"}


@pytest.fixture
def filled(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Four days of which two combinations are kept: the tiers big and middle, while s1 and s2 are cut off."""
    Project.objects.filter(pk=project.pk).update(time_zone="UTC")
    project.time_zone = "UTC"
    monkeypatch.setattr(cells, "MOST_COMBINATIONS", 2)
    rows = [
        {"at": TODAY - ago * DAY + 9 * HOUR, "feature": "f", "tier": tier, "latency_ms": 50.0, "input_tokens": 9, **EU}
        for ago, few in CUT.items()
        for tier, count in (("big", 30), ("middle", 20), ("s1", few), ("s2", few))
        for _ in range(count)
    ]
    names = interactions(project, rows)
    verdicts(project, [{"interaction": name, "kind": int(FeedbackKind.RATING), "value": 1.0} for name in names])
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


@pytest.fixture
def reader(filled: Project) -> Iterator[series.Reader]:
    """A reader in the project's scope."""
    with project_scope(filled.pk):
        yield series.Reader(NOW)


WEEK, TWO = Window(TODAY - 3 * DAY, TODAY + DAY), Window(TODAY - DAY, TODAY + DAY)


def test_a_reading_says_it_whether_or_not_it_has_a_value(reader: series.Reader) -> None:
    assert reader.reading("calls", WEEK, where=EU).untold == 20
    assert reader.reading("calls", TWO, where=EU).untold == 6
    cut = reader.readings(["calls", "latency_p50", "thumbs_up_rate"], WEEK, where=EU | {"tier": "s1"})
    assert (cut["calls"].value, cut["latency_p50"].state, cut["thumbs_up_rate"].state) == (
        0,
        State.NO_DATA,
        State.NOT_INSTRUMENTED,
    )
    # Today's feedback had no time yet: what is made of it is about the days before.
    assert {name: one.untold for name, one in cut.items()} == {"calls": 20, "latency_p50": 20, "thumbs_up_rate": 18}
    ripe = reader.read("rating_mean", WEEK, where=EU)
    assert ripe.judged.end < WEEK.end
    assert ripe.untold == ripe.reading.untold == reader.reading("calls", ripe.judged, where=EU).untold
    unripe = reader.reading("rating_mean", Window(TODAY, TODAY + DAY), where=EU)
    assert (unripe.state, unripe.untold) == (State.LEARNING, 2)


def test_every_point_says_its_own(reader: series.Reader) -> None:
    daily = reader.series("latency_p50", WEEK, "1d", where=EU)
    assert [point.reading.untold for point in daily] == [2 * few for few in CUT.values()]
    rolling = reader.series("calls", WEEK, where=EU, rolling_days=2)
    assert [point.reading.untold for point in rolling] == [8, 14, 10, 6]


def test_groups_and_comparisons_say_theirs(reader: series.Reader) -> None:
    rows = reader.breakdown(["calls", "latency_p50"], WEEK, where={"region": "eu"}, by="tier")
    assert {tier: row["calls"].value for tier, row in rows.items()} == {"big": 120, "middle": 80}
    assert {one.untold for row in rows.values() for one in row.values()} == {20}
    answer = reader.read("calls", TWO, where={"region": "eu"}, group_by="tier", compare="previous")
    assert (answer.reading.value, answer.reading.untold, answer.untold) == (106, None, 6)
    assert {one.untold for one in answer.groups.values()} == {6}
    assert answer.comparison is not None
    assert answer.comparison.untold is None
    both = reader.read("calls", TWO, where=EU, compare="previous")
    assert both.comparison is not None
    assert (both.untold, both.comparison.untold) == (6, 14)


def test_of_costs_it_counts_amounts_without_a_call(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bills are cut off, and no call is: numbers of calls are exact, those of costs are not."""
    monkeypatch.setattr(cells, "MOST_COMBINATIONS", 2)
    at = TODAY - 2 * DAY + 9 * HOUR
    calls = [
        {"at": at, "feature": "f", "tier": tier, "cost_nano": 5, **EU} for tier in ("big", "middle") for _ in "abc"
    ]
    interactions(project, calls)
    costs(project, [{"at": at, "feature": "f", "tier": "bill", "amount_nano": 7, **EU} for _ in "abc"])
    roller.roll(NOW, only=[project.pk], everything=True)
    expected = {"calls": 0, "cost_total": 3, "cost_per_call": 3, "latency_p50": 0}
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        read = {name: reader.read(name, WEEK, where=EU, grain="1d") for name in expected}
        assert {name: one.untold for name, one in read.items()} == expected
        together = reader.readings([*expected], WEEK, where=EU)
        assert {name: one.untold for name, one in together.items()} == expected
        for row in reader.breakdown([*expected], WEEK, where={"region": "eu"}, by="tier").values():
            assert {name: one.untold for name, one in row.items()} == expected
        grouped = {name: reader.read(name, WEEK, where={"region": "eu"}, group_by="tier") for name in expected}
    assert [point.reading.untold for point in read["cost_total"].series] == [0, 3, 0, 0]
    assert {name: one.untold for name, one in grouped.items()} == expected


def test_a_distribution_says_it(reader: series.Reader) -> None:
    assert reader.distribution("latency_p50", WEEK, where=EU).untold == 20
    cut = reader.distribution("latency_p50", TWO, where=EU | {"tier": "s2"})
    assert (cut.state, cut.n, cut.untold) == (State.NO_DATA, 0, 6)
    assert reader.distribution("latency_p50", WEEK, where={"tier": "s1"}).untold is None


def test_single_dimensions_leave_nothing_out(reader: series.Reader) -> None:
    for where in ({}, {"tier": "s1"}, {"feature": "f", "tier": "s1"}):
        answer = reader.read("calls", WEEK, where=where, compare="previous")
        assert answer.comparison is not None
        told = [answer.untold, answer.reading.untold, answer.comparison.untold]
        assert {*told, *(point.reading.untold for point in answer.series)} == {None}


def test_it_is_in_the_api_and_in_exports(filled: Project, web: str, key: str) -> None:
    times = {"from": WEEK.start.isoformat(), "to": WEEK.end.isoformat()}

    def get(path: str, **asked: str) -> Any:
        found = httpx2.get(f"{web}/api/v1/{path}", params=times | asked, headers={"x-api-key": key}, timeout=20)
        assert found.status_code == 200, found.text
        return found

    by_day = [2 * few for few in CUT.values()]
    body = get("metrics/calls", grain="1d", compare="previous", group_by="tier", **EU).json()
    assert (body["untold"], body["comparison"]["untold"]) == (20, 0)
    assert [point["untold"] for point in body["series"]] == by_day
    assert [group["untold"] for group in body["groups"]] == [20, 20]
    assert get("metrics/latency_p50/distribution", **EU).json()["untold"] == 20
    assert "untold" not in json.dumps(get("metrics/calls", tier="s1", compare="previous").json())
    assert "untold" not in get("metrics/latency_p50/distribution", tier="s1").json()

    asked = {"metrics": "calls", "grain": "1d"}
    rows = [json.loads(line) for line in get("export/metrics.jsonl", **asked, **EU).text.splitlines()]
    assert [row["untold"] for row in rows] == by_day
    lines = csv.DictReader(io.StringIO(get("export/metrics.csv", **asked, region="eu", group_by="tier").text))
    assert [(line["group"], line["untold"]) for line in lines] == [
        (tier, str(few)) for tier in ("big", "middle") for few in by_day
    ]
    single = csv.DictReader(io.StringIO(get("export/metrics.csv", **asked, tier="s1").text))
    assert {line["untold"] for line in single} == {""}
