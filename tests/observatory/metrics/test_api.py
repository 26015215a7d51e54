"""GET /metrics over real HTTP: the shapes that clients rely on, and refusals that say what is allowed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest.dimensions import CostSource, FeedbackKind
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, floor
from observatory.metrics import roller
from observatory.metrics.definitions import METRICS
from tests.factories import interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY)
DAY_SHAPE = {"from", "to", "state", "value", "interval", "sample_size", "complete", "mature"}

Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET a path of the API with the fresh project's key."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(path: str, key: str = key, **parameters: str) -> httpx2.Response:
            return client.get(f"/api/v1/{path}", params=parameters, headers={"Authorization": f"Bearer {key}"})

        yield fetch


@pytest.fixture
def filled(project: Project) -> Project:
    """Forty days: 25 rated calls a day of one feature, from day 35 on fewer thumbs up; a second feature yesterday."""
    rows = [
        {
            "at": TODAY - (40 - day) * DAY + HOUR + number * timedelta(minutes=7),
            "feature": "write-draft",
            "model": "a-large",
            "user_id": f"user-{number % 5}",
            "latency_ms": 400.0 + number,
            "cost_nano": 2_000_000,
            "cost_source": int(CostSource.CATALOGUE),
        }
        for day in range(40)
        for number in range(25)
    ]
    names = interactions(project, rows)
    verdicts(
        project,
        [
            {"interaction": name, "kind": int(FeedbackKind.THUMB), "value": float(n % 25 < (20 if n < 35 * 25 else 10))}
            for n, name in enumerate(names)
        ],
    )
    interactions(project, [{"at": TODAY - HOUR, "feature": "translate", "model": "b-small"} for _ in range(3)])
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    return project


def test_the_definitions_say_what_every_metric_is(get: Get) -> None:
    answer = get("metrics")
    assert answer.status_code == 200
    found = {metric["name"]: metric for metric in answer.json()["metrics"]}
    assert list(found) == list(METRICS)
    assert found["thumbs_up_rate"]["unit"] == "ratio"
    assert found["thumbs_up_rate"]["direction"] == "higher_is_better"
    assert found["thumbs_up_rate"]["maturing"] is True


def test_money_is_given_to_the_nano_dollar_and_no_further(get: Get, project: Project) -> None:
    rows = [
        {"at": TODAY - HOUR, "cost_nano": nano, "cost_source": int(CostSource.CLIENT)} for nano in (1_450_000_001,) * 3
    ]
    interactions(project, rows)
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    begin = (TODAY - DAY).isoformat()
    for name, amount in (("cost_total", 4.350000003), ("cost_per_call", 1.450000001)):
        answer = get(f"metrics/{name}", **{"from": begin}, group_by="feature", grain="1d").json()
        assert answer["value"] == amount
        assert [point["value"] for point in answer["series"] if point["value"]] == [amount]
        assert [group["value"] for group in answer["groups"]] == [amount]


def test_a_metric_comes_with_its_meaning(get: Get, filled: Project) -> None:
    begin = TODAY - 4 * DAY
    answer = get(
        "metrics/thumbs_up_rate",
        **{"from": begin.isoformat(), "to": (TODAY - DAY).isoformat()},
        feature="write-draft",
        compare="baseline",
        grain="1d",
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {key: body[key] for key in ("metric", "unit", "direction", "from", "to", "grain", "state")} == {
        "metric": "thumbs_up_rate",
        "unit": "ratio",
        "direction": "higher_is_better",
        "from": begin.isoformat().replace("+00:00", "Z"),
        "to": (TODAY - DAY).isoformat().replace("+00:00", "Z"),
        "grain": "1d",
        "state": "ok",
    }
    assert (body["value"], body["sample_size"]) == (0.4, 75)
    assert body["interval"][0] < 0.4 < body["interval"][1]
    assert datetime.fromisoformat(body["complete_to"]) > TODAY - DAY
    assert datetime.fromisoformat(body["mature_to"]) <= datetime.now(UTC) - DAY
    comparison = body["comparison"]
    assert (comparison["kind"], comparison["value"], comparison["sample_size"]) == ("baseline", 0.8, 700)
    assert comparison["difference"] == pytest.approx(-0.4)
    assert [set(point) for point in body["series"]] == [DAY_SHAPE] * 3
    assert [point["value"] for point in body["series"]] == [0.4] * 3
    assert "groups" not in body


def test_groups_and_unknown_values_are_null(get: Get, filled: Project) -> None:
    body = get("metrics/cost_per_call", window="7d", group_by="feature").json()
    groups = {group.pop("feature"): group for group in body["groups"]}
    assert groups["write-draft"]["value"] == pytest.approx(0.002)
    assert groups["translate"] == {"state": "no_data", "value": None, "interval": None, "sample_size": 0}


def test_filters_narrow_the_numbers(get: Get, filled: Project) -> None:
    since = {"from": (TODAY - 39 * DAY).isoformat()}
    assert get("metrics/calls", **since, feature="write-draft", model="a-large").json()["value"] == 39 * 25
    assert get("metrics/calls", **since, model="b-small").json()["value"] == 3
    assert get("metrics/calls", **since, feature="translate", model="a-large").json()["value"] == 0
    assert get("metrics/dau", window="7d", feature="write-draft").json()["value"] == 5


def test_without_a_window_it_is_the_metrics_own(get: Get, filled: Project) -> None:
    body = get("metrics/input_tokens_mean").json()
    length = datetime.fromisoformat(body["to"]) - datetime.fromisoformat(body["from"])
    assert length.days == 30
    assert body["state"] == "no_data"
    assert body["value"] is None


def test_a_window_ends_now_at_the_latest(get: Get, filled: Project) -> None:
    body = get("metrics/calls", **{"from": TODAY.isoformat(), "to": (TODAY + 5 * DAY).isoformat()}).json()
    assert datetime.fromisoformat(body["to"]) < TODAY + 2 * DAY


@pytest.mark.parametrize(
    ("path", "parameters", "status", "said"),
    [
        ("mood", {}, 404, "there are calls, error_rate"),
        ("calls", {"feature": "poem"}, 404, "no feature 'poem'"),
        ("calls", {"mood": "1"}, 400, "there are window, from, to"),
        ("", {"mood": "1"}, 400, "there are none here"),
        ("calls", {"window": "7y"}, 400, "15m, 24h or 7d"),
        ("calls", {"from": "yesterday"}, 400, "from is a time with a zone"),
        ("calls", {"from": "2026-01-01"}, 400, "from is a time with a zone"),
        ("calls", {"to": "2026-01-01T00:00:00Z"}, 400, "to needs a from"),
        ("calls", {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, 400, "ends after it starts"),
        ("calls", {"from": "2026-01-02T00:00:00Z", "window": "7d"}, 400, "either window or from"),
        ("calls", {"window": "90d", "grain": "15m"}, 400, "grain 1d"),
        ("calls", {"window": "99999d"}, 400, "at most 1500 days"),
        ("calls", {"grain": "fortnight"}, 400, "auto, 1m, 15m, 1h, 1d"),
        ("calls", {"group_by": "mood"}, 400, "feature, model"),
        ("calls", {"compare": "luck"}, 400, "previous, weekday, baseline"),
        ("calls", {"feature": "\x00"}, 404, "no feature"),
    ],
)
def test_what_cannot_be_answered_says_what_can(
    get: Get, path: str, parameters: dict[str, str], status: int, said: str
) -> None:
    answer = get(f"metrics/{path}" if path else "metrics", **parameters)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_a_key_needs_the_read_scope(get: Get, project: Project, make_key: Any) -> None:
    assert get("metrics/calls", key=make_key(project, "ingest")).status_code == 403
    assert get("metrics/calls", key="nonsense").status_code == 401


def test_one_project_never_sees_anothers_numbers(get: Get, filled: Project, make_project: Any, make_key: Any) -> None:
    stranger = make_key(make_project(), "read")
    assert get("metrics/calls", key=stranger, window="39d").json()["value"] is None
    assert get("metrics/calls", key=stranger, feature="write-draft").status_code == 404
