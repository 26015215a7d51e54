"""Where users stand is known though their first words were said before the raw horizon."""

from typing import Any
from unittest import mock

from ingest import records
from ingest.dimensions import RecordKind
from ingest.identity import key_of
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.retention import sweeps
from ingest.timeline import DAY, Window, day_start, local_day
from observatory.metrics import retention, roller, series
from tests.ingest import retained
from tests.ingest.erased import erase
from tests.ingest.record import rows, take
from tests.observatory.metrics import business_rows
from tests.observatory.metrics.business_oracles import ORACLES, TODAY, day_of
from tests.observatory.metrics.business_rows import NOW, ZONE

LATELY = Window(day_of(20), day_of(0))


def keep(project: Project, days: int) -> None:
    """Follow a new number of days, a few rows at a time."""
    project.raw_days = days
    project.save(update_fields=["raw_days"])
    with mock.patch.object(sweeps, "PORTION", 40):
        retained.retain(project, NOW)
    project.refresh_from_db()


def readings(project: Project, name: str, feature: str | None) -> list[float | None]:
    """A metric's value at the end of each day after every horizon of these tests, and over all of them."""
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        days = [point.reading.value for point in reader.series(name, LATELY, feature=feature)]
        return [*days, reader.reading(name, LATELY, feature=feature).value]


def test_opt_outs_and_controls_stay_what_they_were(make_project: Any) -> None:
    project = make_project(time_zone=ZONE)
    life = business_rows.life(5, 300)
    life.send(project)
    retained.roll(project, NOW)
    asked = [(name, feature) for name in ("opt_out_rate", "nps_non_users") for feature in (None, "write-draft")]
    before = {of: readings(project, *of) for of in asked}
    ai_users = readings(project, "nps_ai_users", None)[-1]
    assert before["opt_out_rate", None][-1] == ORACLES["opt_out_rate"](life, LATELY, None)
    assert all(found[-1] is not None for found in before.values())
    left = len(life.events)
    for days in (80, 50, 49):
        keep(project, days)
        assert {of: readings(project, *of) for of in asked} == before
        # Whether they had called is unknown once the 30 days before the window's start are not all there.
        assert readings(project, "nps_ai_users", None)[-1] == (ai_users if days >= 50 else None)
        found = len(rows(project, "user_event", "id"))
        assert found < left
        left = found
    assert project.raw_horizon == day_start(local_day(NOW, ZONE) - 49 * DAY, ZONE)


def test_a_cohort_keeps_its_users_and_a_control_group_that_has_gone_is_none(project: Any) -> None:
    born, last = TODAY - 65 * DAY, TODAY
    for user, event, is_control in (("a", "activated", None), ("b", "activated", None), ("c", "seen", True)):
        for number in range(2):
            at = day_start(born, "UTC") + (number * 60 + 1) * DAY
            event_of = {"user_id": user, "event": event, "is_control": is_control, "occurred_at": at.isoformat()}
            take(project, records.USERS, event_of, at)
    retained.roll(project, NOW)
    with project_scope(project.pk):
        before = retention.retention(last, 60, None, "UTC")
    assert (before.n, before.control, before.control_seen) == (2, 1, 1)
    keep(project, 30)
    with project_scope(project.pk):
        after = retention.retention(last, 60, None, "UTC")
    assert (after.n, after.control, after.control_seen) == (2, 0, 0)


def test_only_what_is_needed_is_kept_without_metadata_until_it_is_replaced_or_its_user_erased(project: Any) -> None:
    said = [
        (70, "activated", {"feature": "draft"}),
        (69, "activated", {"feature": "draft"}),
        (68, "opted_out", {}),
        (67, "opted_in", {}),
        (66, "seen", {"is_control": False}),
        (65, "seen", {"is_control": True}),
        (64, "seen", {}),
        (45, "opted_out", {}),
        (44, "seen", {"is_control": False}),
    ]
    for ago, event, more in said:
        at = NOW - ago * DAY
        event_of = {"id": f"e-{ago}", "user_id": "u", "event": event, "metadata": {"a": 1}, **more}
        take(project, records.USERS, {**event_of, "occurred_at": at.isoformat()}, at)
    retained.roll(project, NOW)

    def left(of: str = "is_kept") -> set[str]:
        found = rows(project, "user_event", "id, metadata IS NULL AS is_bare", of)
        assert {row["is_bare"] for row in found} <= {of == "is_kept"}
        return {row["id"] for row in found}

    keep(project, 60)
    assert (left(), left("NOT is_kept")) == ({"e-70", "e-69", "e-67", "e-65"}, {"e-45", "e-44"})
    keep(project, 40)
    assert (left(), left("NOT is_kept")) == ({"e-70", "e-69", "e-45", "e-44"}, set())
    keys = {key_of(RecordKind.USER, f"e-{ago}"): ago for ago, _, _ in said}
    assert {keys[bytes(row["key"])] for row in rows(project, "record_key", "key")} == {70, 69, 45, 44}
    Project.objects.filter(pk=project.pk).update(rollup_days=50)
    retained.retain(project, NOW + 2 * DAY)
    assert left() == {"e-45", "e-44"}
    erase(project, "u")
    assert rows(project, "user_event", "id") == rows(project, "record_key", "key") == []


def test_who_activated_every_feature_and_turned_none_off_is_a_zero_of_each(project: Any) -> None:
    at = day_of(30)
    words: list[dict[str, Any]] = [
        *({"user_id": f"u{n}", "event": "activated", "occurred_at": at.isoformat()} for n in range(20)),
        {"user_id": "somebody", "event": "seen", "occurred_at": at.isoformat(), "feature": "draft"},
    ]
    take(project, records.USERS, words, at)
    roller.roll(NOW, only=[project.pk], everything=True)
    with project_scope(project.pk):
        found = series.reading("opt_out_rate", LATELY, feature="draft", now=NOW)
    assert (found.value, found.sample_size) == (0, 20)


def test_what_names_no_feature_is_said_of_each(make_project: Any) -> None:
    """Twenty users activate two features; some turn one of them off, some all, some one of them on again."""
    project = make_project(time_zone=ZONE)
    at = day_of(30)
    said: list[dict[str, Any]] = []

    def say(numbers: range, event: str, feature: str | None) -> None:
        nonlocal at
        at += DAY / 24
        said.extend(
            {"user_id": f"u{n}", "event": event, "occurred_at": at.isoformat()}
            | ({"feature": feature} if feature else {})
            for n in numbers
        )

    say(range(20), "activated", "draft")
    say(range(20), "activated", "sum")
    say(range(20, 40), "activated", None)
    say(range(2), "opted_out", "draft")
    say(range(10, 16), "opted_out", None)
    say(range(10, 13), "opted_in", "draft")
    say(range(20, 24), "opted_out", None)
    take(project, records.USERS, said, at)
    roller.roll(NOW, only=[project.pk], everything=True)
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        found = {of: reader.reading("opt_out_rate", LATELY, feature=of) for of in (None, "draft", "sum")}
    assert {of: (reading.value, reading.sample_size) for of, reading in found.items()} == {
        None: ((2 + 6 + 4) / 40, 40),
        "draft": ((2 + 3 + 4) / 40, 40),
        "sum": ((6 + 4) / 40, 40),
    }
