"""Tickets and satisfaction of AI users beside those without: whose they are, and of how many people."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import roller, series
from observatory.metrics.derived.voices import people_tickets_by_category
from observatory.metrics.economics import poisson_interval
from observatory.metrics.reading import State

NOW = datetime.now(UTC)
NOON = floor(NOW, DAY) - 3 * DAY + 12 * HOUR
WINDOW = Window(floor(NOW, DAY) - 7 * DAY, floor(NOW, DAY))
AI, WITHOUT = 25, 40


def ticket(user: str, category: str = "accuracy", at: datetime = NOON, **more: Any) -> dict[str, Any]:
    return {"kind": "ticket", "category": category, "occurred_at": at.isoformat(), "user_id": user, **more}


def survey(user: str, score: int) -> dict[str, Any]:
    return {"kind": "survey", "user_id": user, "score": score, "scale": 5, "occurred_at": NOON.isoformat()}


@pytest.fixture
def known(project: Project, post: Any) -> Project:
    """25 users of chat, 40 people reported to be without it; one is both, and counts as without."""
    early = NOON - 2 * DAY
    calls = [{"feature": "chat", "user_id": f"u-{n}", "occurred_at": early.isoformat()} for n in range(AI)]
    seen = [
        {"user_id": f"w-{n}", "event": "seen", "is_control": True, "occurred_at": (early + n * timedelta(minutes=1)).isoformat()}
        for n in range(WITHOUT - 1)
    ]  # fmt: skip
    seen += [{"user_id": "u-0", "event": "seen", "is_control": True, "occurred_at": early.isoformat()}]
    seen += [{"user_id": "u-1", "event": "seen", "is_control": False, "occurred_at": early.isoformat()}]
    said = [
        ticket("u-1"),
        ticket("u-1", "Billing", feature="other"),
        ticket("u-2"),
        ticket("u-0"),
        ticket("w-1", "billing"),
    ]
    said += [ticket("w-2"), ticket("w-2"), ticket("stranger"), {k: v for k, v in ticket("").items() if k != "user_id"}]
    said += [ticket("w-3", "price"), ticket("u-3", at=NOON - 20 * DAY)]
    said += [survey(f"u-{n}", 5) for n in range(1, 7)] + [survey(f"w-{n}", 2) for n in range(6)]
    for path, items in (("interactions", calls), ("users", seen), ("feedback", said)):
        answer = post(path, items)
        assert answer.status_code == 200, answer.text
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def test_tickets_are_divided_by_the_people_whose_they_are(known: Project) -> None:
    with project_scope(known.pk):
        reader = series.Reader(NOW)
        with_ai = reader.reading("ticket_rate_ai_users", WINDOW)
        without = reader.reading("ticket_rate_non_users", WINDOW)
        of_feature = reader.reading("ticket_rate_ai_users", WINDOW, feature="chat")
        daily = reader.series("ticket_rate_ai_users", WINDOW)
    assert (with_ai.value, with_ai.sample_size) == (pytest.approx(1_000 * 3 / AI), AI)
    assert with_ai.interval == pytest.approx([1_000 * end / AI for end in poisson_interval(3)])
    assert (without.value, without.sample_size) == (pytest.approx(1_000 * 5 / WITHOUT), WITHOUT)
    assert of_feature == with_ai
    assert [point.reading.sample_size for point in daily if point.reading.sample_size] == [AI]


def test_each_category_stands_beside_itself(known: Project) -> None:
    with project_scope(known.pk):
        found = people_tickets_by_category(WINDOW, now=NOW)
    told = {name: (with_ai.value, without.value) for name, (with_ai, without) in found.categories.items()}
    assert list(told.items()) == [("accuracy", (80.0, 75.0)), ("billing", (40.0, 25.0)), ("price", (0.0, 25.0))]
    with project_scope(known.pk):
        whole = tuple(
            series.reading(name, WINDOW, now=NOW) for name in ("ticket_rate_ai_users", "ticket_rate_non_users")
        )
    assert found.whole == whole
    assert (found.window, found.complete_to) == (WINDOW, NOW)


def test_few_people_are_learning_and_nobody_is_no_data(known: Project) -> None:
    young = Window(floor(NOW, DAY) - 2 * DAY, NOW)
    with project_scope(known.pk):
        reader = series.Reader(NOW)
        assert reader.reading("ticket_rate_non_users", young).state is State.NO_DATA
        assert reader.reading("satisfaction_ai_users", WINDOW).value == 1.0
        assert reader.reading("satisfaction_non_users", WINDOW).value == pytest.approx(0.4)


def test_what_nobody_sent_is_not_instrumented(project: Project, post: Any) -> None:
    assert (
        post("interactions", [{"feature": "chat", "user_id": "u", "occurred_at": NOON.isoformat()}]).status_code == 200
    )
    roller.roll(NOW, only=[project.pk], everything=True)
    names = ("ticket_rate_ai_users", "ticket_rate_non_users", "satisfaction_ai_users", "satisfaction_non_users")
    with project_scope(project.pk):
        assert {series.reading(name, WINDOW, now=NOW).state for name in names} == {State.NOT_INSTRUMENTED}
