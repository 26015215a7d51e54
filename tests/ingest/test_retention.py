"""Retention: horizons move first and only forward, rows go after them, charts stay as they were."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import connection, connections

from ingest import lookup, records, timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import accounts, duty, horizons, sweeps
from ingest.timeline import DAY, HOUR
from observatory import retaining
from observatory.metrics import freezing, series
from tests.ingest import retained
from tests.ingest.record import one, rows, statuses, take
from tests.ingest.retained import LEFT, differences, post_past, retain, roll, rollups, shortened

NOW = timeline.now()
MINUTES = timedelta(minutes=3)


@pytest.fixture
def short(project: Project) -> Project:
    return shortened(project, NOW)


def test_a_horizon_stands_at_the_start_of_a_local_day_and_only_moves_forward():
    now = datetime(2026, 3, 30, 1, tzinfo=UTC)
    assert horizons.target(10, "America/New_York", now) == datetime(2026, 3, 19, 4, tzinfo=UTC)
    assert horizons.forward(now, now - DAY) == now
    assert horizons.oldest(None, 10, now) == now - 10 * DAY
    assert horizons.oldest(now - 3 * DAY, 10, now) == now - 3 * DAY
    assert horizons.oldest(None, 1_000_000, now).year == 2016


def test_rollups_never_go_while_raw_rows_stand():
    now = datetime(2026, 3, 30, tzinfo=UTC)
    assert horizons.rollup_horizon(None, now, "UTC", now) is None
    assert horizons.rollup_horizon(5, None, "UTC", now) is None
    assert horizons.rollup_horizon(5, now - 9 * DAY, "UTC", now) == now - 9 * DAY
    assert horizons.rollup_horizon(20, now - 9 * DAY, "UTC", now) == now - 20 * DAY


def test_raw_rows_texts_and_keys_go_and_rollups_stay_as_they_were(short):
    before = rollups(short)
    report = retain(short, NOW)
    raw, text = retained.horizons(short)
    assert raw == horizons.target(30, "UTC", NOW + horizons.ANNOUNCED_FOR)
    assert text == horizons.target(10, "UTC", NOW + horizons.ANNOUNCED_FOR)
    assert report.horizons_moved == 1
    assert {row["id"].split("-")[1] for row in rows(short, "interaction", "id")} == {"20", "2"}
    assert retained.counts(short) == LEFT
    assert rollups(short) == before
    assert differences(short, [raw, NOW - 20 * DAY - HOUR, NOW - 2 * DAY - HOUR]) == []
    assert retain(short, NOW + HOUR).rows_deleted == 0


def test_after_the_texts_time_only_numbers_are_left(short):
    retain(short, NOW)
    with project_scope(short.pk):
        old, new = lookup.interaction("i-20-0"), lookup.interaction("i-2-0")
    assert new.payload
    assert (old.payload, new.payload.prompt) == (None, "prompt of i-2-0")
    said = {row["id"]: row["comment"] for row in rows(short, "feedback", "id, comment")}
    assert (said["f-i-20-0"], said["f-i-2-0"]) == (None, "about f-i-2-0")
    assert retained.thumbs_up(short) == 6


def test_what_is_older_than_the_horizon_now_is_late_and_wipes_nothing(short):
    before = rollups(short)
    retain(short, NOW)
    again = {"id": "i-50-0", "feature": "draft", "occurred_at": (NOW - 50 * DAY).isoformat()}
    (result,) = take(short, records.INTERACTIONS, again, NOW + HOUR).results
    assert (result.status, result.note) == ("created", "beyond retention: counted, not in charts")
    roll(short, NOW + HOUR)
    assert rollups(short) == before


def test_a_horizon_waits_until_everything_before_it_is_counted(short):
    with _keeping_long(short):
        take(short, records.INTERACTIONS, {"feature": "draft", "occurred_at": _ago(45)}, NOW)
    assert retain(short, NOW).waiting_for_rollups == 1
    assert retained.horizons(short)[0] is None
    assert retained.counts(short)["interaction"] == 10
    roll(short, NOW + MINUTES)
    before = rollups(short)
    assert retaining.retain(NOW + MINUTES, only=[short.pk]).horizons_moved == 1
    assert rollups(short) == before
    assert retained.counts(short)["interaction"] == 6


def test_a_horizon_counts_only_when_every_writer_has_long_known_it(short):
    assert retaining.retain(NOW, only=[short.pk]).horizons_moved == 0
    assert retaining.retain(NOW + timedelta(seconds=119), only=[short.pk]).horizons_moved == 0
    Project.objects.filter(pk=short.pk).update(raw_days=25)
    assert retaining.retain(NOW + timedelta(seconds=121), only=[short.pk]).horizons_moved == 0
    assert retaining.retain(NOW + timedelta(seconds=242), only=[short.pk]).horizons_moved == 1


def test_a_project_that_keeps_longer_again_gets_nothing_back_and_loses_no_more(short):
    retain(short, NOW)
    horizon, _ = retained.horizons(short)
    Project.objects.filter(pk=short.pk).update(raw_days=400)
    retain(short, NOW + DAY)
    assert retained.horizons(short)[0] == horizon
    assert retained.counts(short)["interaction"] == 6


def test_who_knows_a_project_only_as_it_was_never_moves_its_horizon_back(short):
    for move in (accounts.move_raw_horizon, accounts.move_text_horizon):
        assert [move(short.pk, NOW - days * DAY) for days in (9, 8, 8, 9)] == [True, True, False, False]
    assert retained.horizons(short) == (NOW - 8 * DAY, NOW - 8 * DAY)


def test_a_horizon_does_not_move_while_somebody_rolls(short):
    with project_scope(short.pk):
        from observatory.metrics import store

        store.lock(wait=True)
        found: list[int] = []
        other = threading.Thread(target=_alone, args=(lambda: found.append(retain(short, NOW).horizons_moved),))
        other.start()
        other.join(20)
    assert found == [0]


def _alone(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def test_marks_that_came_after_a_bucket_was_frozen_are_forgotten(short):
    retain(short, NOW)
    before = rollups(short)
    with project_scope(short.pk), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dirty_bucket (project_id, bucket, facts) SELECT %s, date_trunc('minute', %s::timestamptz), f"
            " FROM unnest(ARRAY[1, 2]) AS t (f)",
            [short.pk, NOW - 50 * DAY - HOUR],
        )
        cursor.execute(
            "INSERT INTO dirty_user (project_id, quarter, cluster) VALUES (%s, %s, 'u1')",
            [short.pk, NOW - 50 * DAY - HOUR],
        )
    assert retain(short, NOW + 3 * DAY).horizons_moved == 1
    roll(short, NOW + 3 * DAY)
    assert rollups(short) == before
    assert rows(short, "dirty_bucket", "bucket") == []


def test_the_key_of_a_bill_goes_with_the_last_of_its_days(short):
    bill = {
        "id": "bill",
        "component": "infrastructure",
        "amount_usd": "31",
        "period_from": (NOW - 60 * DAY).isoformat(),
        "period_to": (NOW - 20 * DAY).isoformat(),
    }
    with _keeping_long(short):
        take(short, records.COSTS, bill, NOW)
    roll(short, NOW)
    retain(short, NOW)
    assert min(row["occurred_at"] for row in rows(short, "cost", "occurred_at")) >= retained.horizons(short)[0]
    assert statuses(take(short, records.COSTS, bill, NOW + HOUR)) == ["duplicate"]


def test_quarters_go_with_raw_rows_and_windows_there_are_whole_days(short):
    retain(short, NOW)
    horizon, _ = retained.horizons(short)
    assert min(row["bucket"] for row in rows(short, "sheet", "bucket", "level = 2")) >= horizon
    noon = horizon - 21 * DAY + 12 * HOUR
    with project_scope(short.pk):
        answer = series.read("calls", timeline.Window(noon - HOUR, noon + HOUR), compare="previous", now=NOW)
        assert answer.window == timeline.Window(noon - 12 * HOUR, noon + 12 * HOUR)
        assert (answer.grain, [point.reading.value for point in answer.series]) == ("1d", [answer.reading.value])
        with pytest.raises(series.BadWindow, match="can have grain 1d"):
            series.read("calls", timeline.Window(noon, noon + DAY), grain="1h", now=NOW)
        fine = series.read("calls", timeline.Window(NOW - 2 * DAY, NOW - DAY), grain="15m", now=NOW)
        assert len(fine.series) in {96, 97}


def test_rollups_go_by_days_of_their_own(short):
    Project.objects.filter(pk=short.pk).update(rollup_days=55)
    with _keeping_long(short):
        take(short, records.CHANGES, {"id": "old", "kind": "deploy", "title": "v1", "occurred_at": _ago(58)}, NOW)
        take(short, records.FIGURES, {"id": "fig", "month": "2001-01", "name": "active_users", "value": 5}, NOW)
    retain(short, NOW)
    horizon = horizons.target(55, "UTC", NOW)
    assert min(row["bucket"] for row in rows(short, "sheet", "bucket")) >= horizon
    assert min(row["day"] for row in rows(short, "user_day", "day")) >= horizon.date()
    assert rows(short, "change_event") == rows(short, "figure") == []
    assert [row for row in rows(short, "record_key", "key") if row["key"] in _keys("old", "fig")] == []
    with project_scope(short.pk):
        assert series.reading("calls", timeline.Window(NOW - 52 * DAY, NOW - 48 * DAY), now=NOW).value == 3


@contextmanager
def _keeping_long(project: Project) -> Iterator[None]:
    """Posting as before the project's settings were shortened."""
    days, project.raw_days = project.raw_days, 400
    yield
    project.raw_days = days


def _ago(days: int) -> str:
    return (NOW - days * DAY).isoformat()


def _keys(change: str, figure: str) -> list[bytes]:
    from ingest.dimensions import RecordKind
    from ingest.identity import key_of

    return [key_of(RecordKind.CHANGE, change), key_of(RecordKind.FIGURE, figure)]


def test_what_is_counted_from_raw_events_is_unknown_before_the_horizon(short):
    with _keeping_long(short):
        take(short, records.FEEDBACK, {"kind": "escalation", "occurred_at": _ago(40)}, NOW)
    roll(short, NOW)
    old = timeline.Window(NOW - 41 * DAY, NOW - 39 * DAY)
    with project_scope(short.pk):
        assert series.reading("escalations_24h", old, now=NOW).value == 1
    retain(short, NOW)
    with project_scope(short.pk):
        assert series.reading("escalations_24h", old, now=NOW).value is None
        assert series.reading("escalations_24h", timeline.Window(NOW - 2 * DAY, NOW), now=NOW).value == 0


def test_a_project_whose_rows_are_all_gone_still_had_a_last_interaction(make_project):
    project = make_project()
    post_past(project, NOW, (50,))
    roll(project, NOW)
    Project.objects.filter(pk=project.pk).update(raw_days=30)
    retain(project, NOW)
    roll(project, NOW + HOUR)
    assert retained.counts(project)["interaction"] == 0
    with project_scope(project.pk):
        assert series.coverage(NOW + HOUR).last_interaction_at is not None


def test_the_account_says_when_a_project_was_last_swept(short):
    retain(short, NOW)
    account = one(short, "retained")
    assert account["swept_at"] == NOW + horizons.ANNOUNCED_FOR
    assert account["raw_gone"] == retained.horizons(short)[0]


def test_a_slice_ends_with_its_time_and_the_next_goes_on(short):
    retaining.retain(NOW, only=[short.pk])
    assert freezing.advance(NOW + MINUTES, only=[short.pk]).horizons_moved == 1
    with mock.patch.object(sweeps, "PORTION", 1):
        assert duty.run(NOW + MINUTES, only=[short.pk], budget_s=-1).left
    assert one(short, "retained")["raw_gone"] is None
    assert retained.counts(short)["interaction"] == 9
    assert not retaining.retain(NOW + MINUTES, only=[short.pk], budget_s=60).left
    assert retained.counts(short)["interaction"] == 6


def test_before_anything_has_to_go_a_project_may_still_decide_to_keep_longer(project):
    post_past(project, NOW, (20,))
    roll(project, NOW)
    retain(project, NOW)
    assert retained.horizons(project) == (None, None)
    project.raw_days = 500
    project.save(update_fields=["raw_days"])
    post_past(project, NOW, (450,))
    assert retained.counts(project)["interaction"] == 6
    assert rows(project, "late") == []


def test_nobody_waits_for_an_interaction_longer_than_thirty_days(project):
    thumb = {"kind": "thumb", "value": "up", "interaction_id": "never sent"}
    take(project, records.FEEDBACK, {**thumb, "id": "old"}, NOW - 31 * DAY)
    take(project, records.FEEDBACK, {**thumb, "id": "new"}, NOW - 29 * DAY)
    retain(project, NOW)
    assert [row["id"] for row in rows(project, "orphan", "id", "settled_at IS NULL")] == ["new"]
    assert [row["id"] for row in rows(project, "feedback", "id")] == ["new", "old"]
