"""What comes late counts where it belongs: costs, feedback, filled fields and new prices, from the record to the metric."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest import patching, prices, records, repricing
from ingest.models import PriceOverride
from ingest.normalise import Receipt
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, Window, floor
from observatory.metrics import roller, series, verify
from tests.factories import interactions
from tests.ingest.record import take

NOW = floor(datetime.now(UTC), DAY) + 13 * HOUR - DAY
THEN = NOW - 40 * DAY
ON_THAT_DAY = Window(floor(THEN, DAY), floor(THEN, DAY) + DAY)
TODAY = Window(floor(NOW, DAY), floor(NOW, DAY) + DAY)
CALL = {
    "id": "call",
    "feature": "write",
    "model": "gpt-4o",
    "user_id": "maya",
    "input_tokens": 1000,
    "output_tokens": 500,
}
PRICE = 0.0075
REPLACING = {
    "id": "k",
    "component": "model_tokens",
    "amount_usd": "0.5",
    "interaction_id": "call",
    "occurred_at": NOW.isoformat(),
}
ADDED = {**REPLACING, "id": "l", "component": "retrieval", "amount_usd": "0.25"}


def call(**more: Any) -> dict[str, Any]:
    return {**CALL, "occurred_at": THEN.isoformat(), **more}


def roll(project: Project) -> None:
    """Count everything; what is stored is what a fresh count gives."""
    roller.roll(NOW, only=[project.pk], everything=True)
    for day in (THEN.date(), NOW.date()):
        assert verify.verify(project, day).differences == []


def value(project: Project, metric: str, window: Window = ON_THAT_DAY, feature: str | None = "write") -> float | None:
    with project_scope(project.pk):
        return series.reading(metric, window, feature=feature, now=NOW).value


def test_a_linked_record_of_model_tokens_stands_for_the_price_and_others_are_added_in_any_order(
    make_project: Callable[..., Project],
) -> None:
    things = [(records.INTERACTIONS, call()), (records.COSTS, REPLACING), (records.COSTS, ADDED)]
    for order in (things, things[::-1], things[1:] + things[:1]):
        project = make_project()
        for way, item in order:
            take(project, way, item, NOW)
        roll(project)
        assert value(project, "cost_total") == pytest.approx(0.75)
        assert value(project, "cost_model_tokens") == pytest.approx(0.5)
        assert value(project, "cost_retrieval") == pytest.approx(0.25)
        assert value(project, "cost_total", TODAY, feature=None) in {None, 0}


def test_a_cost_whose_interaction_never_comes_counts_at_its_own_time(project: Project) -> None:
    take(project, records.INTERACTIONS, call(id="another", occurred_at=NOW.isoformat()), NOW)
    take(project, records.COSTS, REPLACING, NOW)
    roll(project)
    assert value(project, "cost_total", TODAY, feature=None) == pytest.approx(0.5 + PRICE)


def test_a_bill_over_a_period_is_the_same_on_each_of_its_days(project: Project) -> None:
    first = floor(NOW, DAY) - 10 * DAY
    period = {"period_from": first.isoformat(), "period_to": (first + 4 * DAY).isoformat()}
    take(project, records.COSTS, {"component": "infrastructure", "amount_usd": "10", "feature": "write", **period}, NOW)
    roll(project)
    for day in range(-1, 5):
        window = Window(first + day * DAY, first + (day + 1) * DAY)
        found = value(project, "cost_infrastructure", window) or 0
        assert found == pytest.approx(2.5 if 0 <= day < 4 else 0)
    assert value(project, "cost_total", Window(first, first + 4 * DAY)) == pytest.approx(10)


def test_feedback_counts_in_its_calls_bucket_by_its_last_word_forty_days_later_and_by_its_trace(
    project: Project,
) -> None:
    take(project, records.INTERACTIONS, [call(id=str(number), trace_id=f"t{number}") for number in range(40)], NOW)
    up = [{"kind": "thumb", "value": "up", "trace_id": f"t{number}", "id": f"f{number}"} for number in range(40)]
    take(project, records.FEEDBACK, up, NOW)
    roll(project)
    assert value(project, "thumbs_up_rate") == 1.0
    later = (NOW + timedelta(seconds=9)).isoformat()
    again = [
        {"kind": "thumb", "value": "down", "interaction_id": str(number), "occurred_at": later} for number in range(10)
    ]
    take(project, records.FEEDBACK, [*again, *up], NOW)
    roll(project)
    assert value(project, "thumbs_up_rate") == 0.75


def test_filled_tokens_are_priced_and_counted(project: Project) -> None:
    late = {name: CALL[name] for name in ("input_tokens", "output_tokens", "model")}
    take(project, records.INTERACTIONS, {name: sent for name, sent in call().items() if name not in late}, NOW)
    roll(project)
    assert value(project, "cost_total") in {None, 0}
    patching.patch(
        "call", b'{"input_tokens": 1000, "output_tokens": 500, "model": "gpt-4o"}', Receipt(project.pk, "UTC", NOW)
    )
    roll(project)
    assert value(project, "cost_total") == pytest.approx(PRICE)


def test_new_prices_are_counted(project: Project) -> None:
    take(project, records.INTERACTIONS, call(model="in-house"), NOW)
    roll(project)
    assert value(project, "unpriced_calls") == 1
    with project_scope(project.pk):
        prices_usd = {"input_usd_per_million": 2, "output_usd_per_million": 4}
        PriceOverride.objects.create(model="in-house", valid_from=THEN.date(), **prices_usd)
    prices._books.clear()
    list(repricing.reprice(repricing.Chosen(project.pk, ON_THAT_DAY), NOW))
    roll(project)
    assert value(project, "cost_total") == pytest.approx(0.004)
    assert value(project, "unpriced_calls") == 0


@pytest.mark.parametrize(
    ("name", "rolling", "ago", "expected"),
    [
        ("input_tokens_growth", None, 60, [False, False, False]),
        ("input_tokens_growth", None, 61, [False, False, True]),
        ("input_tokens_growth", None, 63, [True] * 3),
        ("cost_anomaly", None, 300, [False] * 3),
        ("calls", 7, 7, [False, False, False]),
        ("calls", 7, 8, [False, False, True]),
        ("calls", 7, 10, [True] * 3),
        ("calls", None, 6, [True] * 3),
    ],
)
def test_a_point_about_days_before_it_is_not_complete_while_they_wait(
    project: Project, name: str, rolling: int | None, ago: int, expected: list[bool]
) -> None:
    today = TODAY.start
    interactions(project, [{"at": today - 2 * DAY}])
    roller.roll(NOW, only=[project.pk], everything=True)
    late, window = today - ago * DAY + HOUR, Window(today - 3 * DAY, today)
    interactions(project, [{"at": late}])
    with project_scope(project.pk):
        reader = series.Reader(NOW)
        points = reader.series(name, window, "1d", rolling_days=rolling)
        answer = reader.read(name, window)
    assert [point.complete for point in points] == expected
    if rolling is None:
        assert (answer.complete_to == late) is (not expected[-1])
