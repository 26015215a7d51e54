"""The wide sets: every other dimension by minute, hour and day, and the largest combinations of all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from ingest.dimensions import Dimension, Facts, FeedbackKind
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, Window, floor
from observatory.metrics import cells, passing, roller, series, store, verify, wide
from observatory.metrics.layout import Counter
from observatory.metrics.sheets import COMBINATION, TOTAL, Family
from observatory.metrics.windows import BadWindow, Level
from tests.factories import interactions, verdicts
from tests.harness.sheets import counted

NOW = floor(datetime.now(UTC), DAY) - 2 * DAY + timedelta(hours=13, minutes=7, seconds=20)
TODAY = floor(NOW, DAY)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _in_utc(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone="UTC")
    project.time_zone = "UTC"


def roll(project: Project, now: datetime = NOW, *, everything: bool = True) -> roller.RollReport:
    return roller.roll(now, only=[project.pk], everything=everything)


def send(project: Project, at: datetime, count: int = 1, **row: Any) -> list[str]:
    return interactions(project, [{"at": at, "feature": "write-draft", **row} for _ in range(count)])


def calls(project: Project, window: Window, now: datetime = NOW, **where: str) -> float | None:
    with project_scope(project.pk):
        return series.reading("calls", window, where=where, now=now).value


def buckets(project: Project, level: Level) -> set[datetime]:
    with project_scope(project.pk):
        everything = [Window(NOW - 90 * DAY, NOW + DAY)]
        return {key.bucket for key in store.fetch(level, Facts.INTERACTIONS, everything, Family.WIDE).keys}


def differences(project: Project, now: datetime = NOW) -> list[verify.Difference]:
    return [found for day in verify.days_of(project, now) for found in verify.verify(project, day).differences]


def test_minutes_hours_and_days_are_kept_each_for_its_time(project: Project) -> None:
    ages = (MINUTE, 5 * HOUR, 20 * DAY, 40 * DAY)
    for age in ages:
        send(project, NOW - age, tier="free")
    roll(project)
    assert buckets(project, Level.MINUTE) == {floor(NOW - MINUTE, MINUTE)}
    assert buckets(project, Level.HOUR) == {floor(NOW - 5 * HOUR, HOUR), floor(NOW - 20 * DAY, HOUR)}
    assert buckets(project, Level.DAY) == {floor(NOW - 20 * DAY, DAY), floor(NOW - 40 * DAY, DAY)}
    assert calls(project, Window(NOW - 60 * DAY, NOW), tier="free") == 4
    assert differences(project) == []


def test_a_minute_becomes_part_of_its_hour_and_the_hour_of_its_day(project: Project) -> None:
    send(project, NOW - MINUTE, 3, tier="free")
    for now in (NOW, NOW + HOUR, NOW + 4 * HOUR, NOW + DAY, NOW + 32 * DAY):
        roll(project, now)
        assert calls(project, Window(TODAY, TODAY + DAY), now, tier="free") == 3
    assert buckets(project, Level.MINUTE) == buckets(project, Level.HOUR) == set()
    assert buckets(project, Level.DAY) == {TODAY}


@pytest.mark.parametrize("age", [MINUTE, 5 * HOUR, 20 * DAY, 40 * DAY], ids=str)
def test_what_comes_late_is_in_every_bucket_it_belongs_to(project: Project, age: timedelta) -> None:
    send(project, NOW - age, tier="free")
    roll(project)
    (late,) = send(project, NOW - age, tier="pro")
    verdicts(project, [{"interaction": late, "kind": int(FeedbackKind.THUMB), "value": 1.0}])
    roll(project, NOW + MINUTE)
    window = Window(NOW - age - MINUTE, NOW)
    assert calls(project, window, NOW + MINUTE, tier="pro") == 1
    assert calls(project, window, NOW + MINUTE, tier="free") == 1
    assert differences(project, NOW + MINUTE) == []


def test_they_follow_the_headline_numbers_once_a_minute(project: Project) -> None:
    roll(project, everything=False)
    send(project, NOW - MINUTE, tier="free")
    roll(project, NOW + timedelta(seconds=3), everything=False)
    window = Window(NOW - HOUR, NOW)
    with project_scope(project.pk):
        answer = series.read("calls", window, grain="1m", where={"tier": "free"}, now=NOW + timedelta(seconds=4))
    assert answer.reading.value == 0
    assert answer.complete_to == floor(NOW - MINUTE, MINUTE)
    assert [point.complete for point in answer.series[-3:]] == [True, False, False]
    roll(project, NOW + timedelta(seconds=63), everything=False)
    assert calls(project, window, NOW + timedelta(seconds=64), tier="free") == 1


def waiting_days(project: Project) -> list[datetime]:
    with project_scope(project.pk):
        return store.unmerged(Level.DAY, Family.WIDE)[Facts.INTERACTIONS]


def test_days_of_long_ago_come_with_the_late_run_whenever_that_is(project: Project) -> None:
    roll(project)
    for age in (50, 60, 70):
        send(project, NOW - age * DAY, tier="free")
    late = NOW + roller.LATE_EVERY
    # The minute's turn of the wide sets lies just before the late run.
    for now in (late - 20 * SECOND, late):
        roll(project, now, everything=False)
    for step in range(1, 20):
        roll(project, late + step * 10 * SECOND, everything=False)
    assert waiting_days(project) == []
    assert calls(project, Window(NOW - 80 * DAY, NOW), late + 4 * MINUTE, tier="free") == 3


def test_days_that_a_late_run_has_no_time_for_are_gone_on_with(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge = wide.merge_days

    def one_at_a_time(work: passing.Pass) -> passing.RollReport:
        found = merge(work)
        if work.is_late_due:
            work.stopped.set()
        return found

    monkeypatch.setattr(wide, "DAYS_AT_ONCE", 1)
    monkeypatch.setattr(wide, "merge_days", one_at_a_time)
    days = [NOW - age * DAY for age in (50, 60, 70, 75)]
    for day in days:
        send(project, day, tier="free")
    roll(project, everything=False)
    window, oldest = Window(NOW - 80 * DAY, NOW - 40 * DAY), floor(days[-1], DAY)
    assert waiting_days(project) == [floor(day, DAY) for day in reversed(days[1:])]
    with project_scope(project.pk):
        for asked in ({"where": {"tier": "free"}}, {"group_by": "tier"}):
            answer = series.read("calls", window, grain="1d", now=NOW, **asked)
            assert answer.complete_to == oldest, "what is not in it yet is not said to be complete"
    for step in range(1, 20):
        roll(project, NOW + step * 10 * SECOND, everything=False)
    assert waiting_days(project) == []
    assert calls(project, window, NOW + 4 * MINUTE, tier="free") == 4


def test_a_dimension_that_no_app_sends_costs_nothing(project: Project) -> None:
    send(project, NOW - MINUTE, 5)
    roll(project)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT dimension FROM sheet WHERE project_id = %s AND dimension > 2", [project.pk])
        assert cursor.fetchall() == [(COMBINATION,)]
    with project_scope(project.pk):
        answer = series.read("calls", Window(NOW - HOUR, NOW), group_by="tier", now=NOW)
    assert {name: reading.value for name, reading in answer.groups.items()} == {"(none)": 5}


def test_groups_of_any_dimension_add_up_to_the_whole(project: Project) -> None:
    for tier, count in (("free", 30), ("pro", 20), (None, 10)):
        send(project, NOW - 3 * HOUR, count, tier=tier, latency_ms=100.0, cost_nano=5)
    roll(project)
    window = Window(NOW - 6 * HOUR, NOW)
    with project_scope(project.pk):
        found = series.breakdown(["calls", "latency_p50", "cost_total"], window, by="tier", now=NOW)
    assert {name: row["calls"].value for name, row in found.items()} == {"free": 30, "pro": 20, "(none)": 10}
    assert {name: row["latency_p50"].sample_size for name, row in found.items()} == {
        "free": 30,
        "pro": 20,
        "(none)": 10,
    }
    assert sum(row["cost_total"].value or 0 for row in found.values()) == pytest.approx(300e-9)


@pytest.mark.parametrize("at", [NOW - MINUTE, NOW - 5 * HOUR, NOW - 40 * DAY], ids=["minute", "hour", "day"])
def test_beyond_the_largest_combinations_calls_are_counted_and_said(
    project: Project, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "MOST_COMBINATIONS", 3)
    rows = [
        {"at": floor(at, HOUR) + minute * MINUTE, "feature": "write-draft", "tier": f"t{number}", "region": "eu"}
        for number, count in enumerate((9, 8, 7, 2, 1))
        for minute in range(3)
        for _ in range(count)
    ]
    interactions(project, rows)
    roll(project)
    window = Window(floor(at, DAY), NOW)
    with project_scope(project.pk):
        answer = series.read("calls", window, where={"region": "eu"}, group_by="tier", now=NOW)
        one = series.read("calls", window, where={"region": "eu", "tier": "t3"}, now=NOW)
        single = series.read("calls", window, where={"tier": "t3"}, now=NOW)
    assert {name: reading.value for name, reading in answer.groups.items()} == {"t0": 27, "t1": 24, "t2": 21}
    assert answer.untold == one.untold == 9
    assert one.reading.value == 0
    assert (single.reading.value, single.untold) == (6, None)
    assert differences(project) == []


def test_the_busiest_minute_is_kept_not_added_up(project: Project) -> None:
    for age, count in ((3 * HOUR, 4), (3 * HOUR + MINUTE, 9), (2 * DAY, 6)):
        send(project, NOW - age, count, provider="openai", input_tokens=10, output_tokens=1)
    roll(project)
    with project_scope(project.pk):
        hours = store.fetch(Level.HOUR, Facts.INTERACTIONS, [Window(NOW - 3 * DAY, NOW)], Family.WIDE)
        days = store.fetch(Level.DAY, Facts.INTERACTIONS, [Window(NOW - 3 * DAY, NOW)])
    providers = {
        key.bucket: counts
        for key, sheet in counted(hours).items()
        if (key.dimension, key.feature) == (Dimension.PROVIDER, 0)
        for counts in sheet.values()
    }
    (hour,) = [counts for bucket, counts in providers.items() if bucket >= TODAY]
    assert (hour[Counter.PEAK_CALLS], hour[Counter.PEAK_TOKENS], hour[Counter.CALLS]) == (9, 99, 13)
    assert {counts[Counter.PEAK_CALLS] for counts in providers.values()} == {6, 9}
    (day,) = [sheet[TOTAL] for key, sheet in counted(days).items() if key.dimension == TOTAL]
    assert day[Counter.PEAK_CALLS] == 6


def test_an_older_layout_is_counted_again(project: Project) -> None:
    for age in (MINUTE, 5 * HOUR, 20 * DAY, 40 * DAY):
        send(project, NOW - age, tier="free")
    roll(project)
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute("DELETE FROM sheet WHERE project_id = %s AND dimension > 2", [project.pk])
        cursor.execute("UPDATE rolled SET layout = 0 WHERE project_id = %s", [project.pk])
    assert calls(project, Window(NOW - 60 * DAY, NOW), tier="free") == 0
    roll(project)
    assert calls(project, Window(NOW - 60 * DAY, NOW), tier="free") == 4
    assert differences(project) == []


def test_another_time_zone_has_other_hours_and_days(project: Project) -> None:
    interactions(project, [{"at": NOW - hours * HOUR, "feature": "a", "tier": "free"} for hours in range(60)])
    roll(project)
    Project.objects.filter(pk=project.pk).update(time_zone="Asia/Kolkata")
    project.time_zone = "Asia/Kolkata"
    roll(project)
    assert all(bucket.minute == 30 for bucket in buckets(project, Level.HOUR))
    assert calls(project, Window(NOW - 4 * DAY, NOW), tier="free") == 60
    assert differences(project) == []


def test_what_is_kept_says_which_grains_there_are(project: Project) -> None:
    send(project, NOW - MINUTE, tier="free")
    roll(project)
    for window, grain, said in (
        (Window(NOW - 5 * HOUR, NOW), "15m", "can have grain 1h or 1d"),
        (Window(NOW - 40 * DAY, NOW), "1h", "can have grain 1d"),
        (Window(NOW - 9_000 * DAY, NOW), "1h", "ask for a shorter window"),
        (Window(NOW - HOUR, NOW), "1y", "can have grain 1m or 15m or 1h or 1d"),
    ):
        with project_scope(project.pk), pytest.raises(BadWindow, match=said):
            series.read("calls", window, grain=grain, where={"tier": "free"}, now=NOW)


def test_a_bug_in_merging_is_found(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a day is merged while one of its hours waits to be counted again."""
    send(project, NOW - 30 * HOUR, 3, tier="free")
    roll(project)
    send(project, NOW - 30 * HOUR, 2, tier="free")
    unmerged = store.unmerged

    def blind(level: Level, family: Family = Family.HEADLINE) -> dict[Facts, list[datetime]]:
        found = unmerged(level, family)
        return {facts: [] for facts in found} if (level, family) == (Level.HOUR, Family.WIDE) else found

    with monkeypatch.context() as planted:
        planted.setattr(store, "unmerged", blind)
        roll(project)
    with project_scope(project.pk):
        store.set_merged(Level.HOUR, Facts.INTERACTIONS, [floor(NOW - 30 * HOUR, HOUR)], Family.WIDE)
        store.set_merged(Level.DAY, Facts.INTERACTIONS, [floor(NOW - 30 * HOUR, DAY)], Family.WIDE)
    assert any("wide" in found.what for found in differences(project))
