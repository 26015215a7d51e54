"""GET /metrics over real HTTP: the shapes that clients rely on, and refusals that say what is allowed."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import httpx2
import pytest

from ingest.dimensions import CostSource, FeedbackKind
from ingest.projects.models import Project
from ingest.timeline import DAY, HOUR, floor
from observatory.metrics import roller
from observatory.metrics.api import PARAMETERS
from observatory.metrics.definitions import METRICS, Kind
from observatory.metrics.shelf import DIMENSIONS
from observatory.metrics.windows import WINDOWS, Grain
from observatory.openapi.document import document
from tests.factories import interactions, verdicts

TODAY = floor(datetime.now(UTC), DAY)
DAY_SHAPE = {"from", "to", "state", "value", "interval", "sample_size", "complete", "mature", "seam"}

Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET a path of the API with the filled project's key."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(path: str, key: str = key, **parameters: str | list[str]) -> httpx2.Response:
            return client.get(f"/api/v1/{path}", params=parameters, headers={"Authorization": f"Bearer {key}"})

        yield fetch


@pytest.fixture(scope="module")
def filled(make_project: Any) -> Project:
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
    project: Project = make_project()
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


@pytest.fixture(scope="module")
def key(filled: Project, make_key: Any) -> str:
    """A key of the filled project: these tests only read."""
    return str(make_key(filled))


def test_the_definitions_say_what_every_metric_is(get: Get) -> None:
    answer = get("metrics")
    assert answer.status_code == 200
    found = {metric["name"]: metric for metric in answer.json()["metrics"]}
    assert list(found) == list(METRICS)
    assert found["thumbs_up_rate"]["unit"] == "ratio"
    assert found["thumbs_up_rate"]["direction"] == "higher_is_better"
    assert found["thumbs_up_rate"]["maturing"] is True
    assert found["availability"] == {
        "name": "availability",
        "dimension": "health",
        "title": "Availability",
        "unit": "ratio",
        "direction": "higher_is_better",
        "kind": "rate",
        "window": "7d",
        "minimum_sample": 20,
        "maturing": False,
        "filtered_by": "dimensions",
        "numerator": ["errors_timeout", "errors_rate_limit", "errors_server", "errors_network"],
        "denominator": ["calls"],
        "formula": "1 − (errors_timeout + errors_rate_limit + errors_server + errors_network) / calls",
        "additive": False,
        "empty": "no_data",
        "needs": [],
        "doc": METRICS["availability"].doc,
        "docs": "docs/reference/metrics/health.md#availability",
    }
    assert found["nps_ai_users"]["needs"] == ["feedback of kind nps", "user_id with interactions"]
    assert {name for name, metric in found.items() if metric["empty"] == "not_instrumented"} == {
        name for name, metric in METRICS.items() if metric.kind is Kind.NOT_INSTRUMENTED
    }


def test_money_is_given_to_the_nano_dollar_and_no_further(get: Get, project: Project, make_key: Any) -> None:
    rows = [
        {"at": TODAY - HOUR, "cost_nano": nano, "cost_source": int(CostSource.CLIENT)} for nano in (1_450_000_001,) * 3
    ]
    interactions(project, rows)
    roller.roll(datetime.now(UTC), only=[project.pk], everything=True)
    begin, own = (TODAY - DAY).isoformat(), make_key(project)
    for name, amount in (("cost_total", 4.350000003), ("cost_per_call", 1.450000001)):
        answer = get(f"metrics/{name}", own, **{"from": begin}, group_by="feature", grain="1d").json()
        assert answer["value"] == amount
        assert [point["value"] for point in answer["series"] if point["value"]] == [amount]
        assert [group["value"] for group in answer["groups"]] == [amount]


def test_a_metric_comes_with_its_meaning(get: Get) -> None:
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


def test_groups_and_unknown_values_are_null(get: Get) -> None:
    body = get("metrics/cost_per_call", window="7d", group_by="feature").json()
    groups = {group.pop("feature"): group for group in body["groups"]}
    assert groups["write-draft"]["value"] == pytest.approx(0.002)
    assert groups["translate"] == {"state": "not_instrumented", "value": None, "interval": None, "sample_size": 0}


def test_filters_narrow_the_numbers(get: Get) -> None:
    since = {"from": (TODAY - 39 * DAY).isoformat()}
    assert get("metrics/calls", **since, feature="write-draft", model="a-large").json()["value"] == 39 * 25
    assert get("metrics/calls", **since, model="b-small").json()["value"] == 3
    assert get("metrics/calls", **since, feature="translate", model="a-large").json()["value"] == 0
    assert get("metrics/dau", window="7d", feature="write-draft").json()["value"] == 5


def test_without_a_window_it_is_the_metrics_own(get: Get) -> None:
    body = get("metrics/input_tokens_mean").json()
    length = datetime.fromisoformat(body["to"]) - datetime.fromisoformat(body["from"])
    assert length.days == 30
    assert body["state"] == "not_instrumented"
    assert body["value"] is None


def test_a_window_ends_now_at_the_latest(get: Get) -> None:
    body = get("metrics/calls", **{"from": TODAY.isoformat(), "to": (TODAY + 5 * DAY).isoformat()}).json()
    assert datetime.fromisoformat(body["to"]) < TODAY + 2 * DAY


A_TIME = "a time with a zone, for example 2026-01-31T12:00:00Z"
FROM, TO = "a time from 1970-01-01T00:00:00Z on that lies before now", "a time after from, up to the year 9998"
BACKWARDS = {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
AFTER = ["a time after 2026-01-02T00:00:00Z"]
REFUSALS: list[tuple[str, dict[str, str], int, str, str, list[str]]] = [
    ("metrics/mood", {}, 404, "there are calls, error_rate", "metric", list(METRICS)),
    ("metrics/calls", {"feature": "poem"}, 404, "no feature 'poem'", "feature", ["translate", "write-draft"]),
    ("metrics/calls", {"model": "poem"}, 404, "no model 'poem'", "model", ["a-large", "b-small"]),
    ("metrics/calls", {"feature": "\x00"}, 404, "no feature", "feature", ["translate", "write-draft"]),
    ("metrics/calls", {"mood": "1"}, 400, "there are window, from, to", "mood", list(PARAMETERS)),
    ("metrics", {"mood": "1"}, 400, "there are none here", "mood", []),
    ("metrics/calls", {"window": "7y"}, 400, "15m, 24h or 7d", "window", list(WINDOWS)),
    ("metrics/calls", {"from": "yesterday"}, 400, "from is a time with a zone", "from", [A_TIME]),
    ("metrics/calls", {"from": "2026-01-01"}, 400, "from is a time with a zone", "from", [A_TIME]),
    ("metrics/calls", {"window": "100000d"}, 400, "window is from 1d to 99999d", "window",
        ["1d to 99999d", "at most 1500d with a series"]),
    ("metrics/calls", {"window": "0h"}, 400, "window is from 1h to 99999h", "window",
        ["1h to 99999h", "at most 1500d with a series"]),
    ("metrics/calls", {"from": "9999-01-01T00:00:00Z"}, 400, f"from is {FROM}", "from", [FROM]),
    ("metrics/calls", {"from": "1969-12-31T00:00:00Z"}, 400, f"from is {FROM}", "from", [FROM]),
    ("metrics/calls", {"from": "2026-01-01T00:00:00Z", "to": "9999-01-01T00:00:00Z"}, 400, f"to is {TO}", "to", [TO]),
    ("metrics/calls", {"to": "2026-01-01T00:00:00Z"}, 400, "to needs a from", "from", ["a time before to"]),
    ("metrics/calls", BACKWARDS, 400, "ends after it starts", "to", AFTER),
    ("metrics/calls", {"from": "2026-01-02T00:00:00Z", "window": "7d"}, 400, "either window or from", "window",
        ["window alone", "from and to, without window"]),
    ("metrics/calls", {"window": "30d", "grain": "15m"}, 400, "grain 1h or 1d", "grain",
        ["1h", "1d", "15m over at most 375h"]),
    ("metrics/calls", {"window": "99999d", "grain": "1d"}, 400, "shorter window", "grain", ["1d over at most 1500d"]),
    ("metrics/calls", {"window": "99999d"}, 400, "at most 1500 days", "window", ["at most 1500d"]),
    ("metrics/calls", {"window": "30d", "grain": "15m", "tier": ""}, 400, "grain 1h or 1d", "grain",
        ["1h", "1d", "15m over at most 375h"]),
    ("metrics/calls", {"grain": "fortnight"}, 400, "auto, 1m, 15m, 1h, 1d", "grain", ["auto", *Grain]),
    ("metrics/dau", {"grain": "1h"}, 400, "goes by local days", "grain", ["auto", "1d"]),
    ("metrics/calls", {"group_by": "mood"}, 400, "feature, model", "group_by", list(DIMENSIONS)),
    ("metrics/dau", {"model": "a-large"}, 400, "dau is kept by feature, not by model", "model", ["feature"]),
    ("metrics/dau", {"group_by": "model"}, 400, "dau is kept by feature, not by model", "group_by", ["feature"]),
    ("metrics/calls", {"compare": "luck"}, 400, "previous, weekday, baseline", "compare",
        ["previous", "weekday", "baseline", "baseline:NAME"]),
    ("metrics/dau", {"compare": "baseline:x"}, 400, "cannot be compared with a pinned baseline", "compare",
        ["previous", "weekday", "baseline"]),
    ("metrics/calls", {"compare": "baseline:x"}, 404, "no baseline of this name", "compare", []),
    ("people/costs", BACKWARDS, 400, "ends after it starts", "to", AFTER),
    ("people/costs", {"limit": "x"}, 400, "limit is a whole number", "limit", ["a whole number from 0 to 100"]),
    ("people/costs", {"limit": "101"}, 400, "limit is a whole number", "limit", ["a whole number from 0 to 100"]),
    ("people/costs", {"tier": "gold"}, 404, "no tier 'gold'", "tier", []),
    ("people/cohorts", {"count": "1"}, 400, "count is a whole number", "count", ["a whole number from 2 to 12"]),
    ("unit-economics", {"mood": "1"}, 400, "there are months, growth, feature", "mood", ["months", "growth", "feature"]),
    ("unit-economics", {"months": "25"}, 400, "months is a whole number", "months", ["a whole number from 1 to 24"]),
    ("unit-economics", {"growth": "nan"}, 400, "growth is a number", "growth", ["a number from 0.5 to 2.0, for example 1.3"]),
    ("unit-economics", {"growth": "2.5"}, 400, "growth is a number", "growth", ["a number from 0.5 to 2.0, for example 1.3"]),
    ("unit-economics", {"feature": "poem"}, 404, "no feature 'poem'", "feature", ["translate", "write-draft"]),
    ("tickets/categories", {"mood": "1"}, 400, "there are window, from, to", "mood", ["window", "from", "to", "time_zone", "limit", "feature"]),
    ("tickets/categories", {"limit": "101"}, 400, "limit is a whole number", "limit", ["a whole number from 0 to 100"]),
    ("tickets/categories", {"feature": "poem"}, 404, "no feature 'poem'", "feature", ["translate", "write-draft"]),
    ("tickets/categories", {"window": "7y"}, 400, "15m, 24h or 7d", "window", list(WINDOWS)),
    ("people/tickets", {"limit": "1"}, 400, "there are window, from, to", "limit", ["window", "from", "to", "time_zone", "feature"]),
    ("people/tickets", BACKWARDS, 400, "ends after it starts", "to", AFTER),
    ("provider-limits", {"feature": "translate"}, 400, "there are window, from, to", "feature", ["window", "from", "to", "time_zone"]),
    ("provider-limits", {"from": "yesterday"}, 400, "from is a time with a zone", "from", [A_TIME]),
    ("people/cohorts", {"period": "year"}, 400, "period is one of", "period", ["month", "week"]),
    ("baselines/x", {}, 404, "no baseline of this name", "name", []),
    ("baselines/x", {"feature": "poem"}, 404, "no feature", "feature", ["translate", "write-draft"]),
    ("baselines/x", {"mood": "1"}, 400, "there are feature", "mood", ["feature"]),
    ("baselines/x/comparison", {"window": "7y"}, 400, "15m, 24h or 7d", "window", list(WINDOWS)),
    ("forecasts/cost", {"month": "2026-13"}, 400, "month is a year and a month", "month",
        ["a year and a month from 2000-01 to 2099-12, for example 2026-01"]),
    ("forecasts/cost", {"mood": "1"}, 400, "there are month", "mood", ["month"]),
    ("export/metrics.csv", {"metrics": "user_cost_p90"}, 400, "has no series", "metrics",
        [name for name, metric in METRICS.items() if metric.has_series]),
    ("export/metrics.csv", {}, 400, "metrics names one metric or more", "metrics",
        [name for name, metric in METRICS.items() if metric.has_series]),
    ("export/metrics.jsonl", {"metrics": "calls,mood"}, 404, "no metric 'mood'", "metrics",
        [name for name, metric in METRICS.items() if metric.has_series]),
    ("baselines", {"feature": "poem"}, 400, "there are none here", "feature", []),
    ("baselines", {"limit": "1"}, 400, "there are none here", "limit", []),
    ("export/feedback.csv", {"feature": "poem"}, 404, "no feature", "feature", ["translate", "write-draft"]),
]  # fmt: skip


def documented(path: str) -> set[str]:
    """The statuses that the API's description names for GET of a path."""
    for template, methods in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), f"/api/v1/{path}"):
            return set(methods["get"]["responses"])
    raise LookupError(path)


def test_every_refusal_is_in_the_description() -> None:
    refused = {
        (path, str(status))
        for path, _, status, *_ in [*REFUSALS, ("people/costs", {}, 404), ("people/cohorts", {}, 404)]
    }
    assert {(path, status) for path, status in refused if status not in documented(path)} == set()


def test_what_cannot_be_answered_says_what_can(get: Get) -> None:
    for path, parameters, status, said, parameter, allowed in REFUSALS:
        answer = get(path, **parameters)
        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), told
        assert said in told["detail"], (path, parameters)
        assert (told.get("parameter", ""), told.get("allowed", [])) == (parameter, allowed), (path, parameters)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("metrics/calls", "feature"), ("metrics/latency_p95/distribution", "bins"), ("tickets/categories", "window"),
        ("people/costs", "tier"), ("people/cohorts", "count"), ("people/tickets", "feature"), ("provider-limits", "to"),
        ("unit-economics", "months"), ("forecasts/cost", "month"), ("baselines/x", "feature"),
        ("export/metrics.csv", "metrics"), ("export/costs.jsonl", "text"),
        ("interactions", "feature"), ("incidents", "state"), ("findings", "cursor"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_repeated_is_refused_and_not_answered_for_the_last(get: Get, path: str, name: str) -> None:
    answer = get(path, **{name: ["a", "b"]})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text
    assert answer.json()["detail"] == f"{name} is given 2 times: give it once, with one value"


@pytest.mark.parametrize("path", ["metrics/calls", "tickets/categories", "people/tickets", "provider-limits"])
def test_a_zone_that_is_none_is_answered_with_all_of_them_the_nearest_first(get: Get, path: str) -> None:
    allowed = get(path, time_zone="Europe/Berln").json()["allowed"]
    assert allowed[0] == "Europe/Berlin"
    assert set(allowed) == available_timezones()


def test_grains_that_are_no_longer_kept_say_since_when_they_are(get: Get) -> None:
    told = get("metrics/calls", window="5d", grain="1m").json()
    assert told["parameter"] == "grain"
    assert told["allowed"][:3] == ["15m", "1h", "1d"]
    assert told["allowed"][3].startswith("1m from ")
    of_tier = get("metrics/calls", window="5d", grain="15m", group_by="tier").json()
    assert (of_tier["parameter"], of_tier["allowed"]) == ("grain", ["1h", "1d"])


@pytest.mark.parametrize(
    ("changes", "parameter", "allowed"),
    [
        ({"to": "2026-01-05"}, "to", "a day after 2026-01-05"),
        ({"to": "2026-12-05"}, "to", "at most 92 days after from"),
        ({"from": "soon"}, "from", "a day like 2026-01-31, or the instant at which one begins"),
        ({"from": "2026-01-05T01:00:00Z"}, "from", "a day like 2026-01-31, or the instant at which one begins"),
        ({"from": "2099-01-05", "to": "2099-02-05"}, "to", "a day up to"),
        ({"from": "2020-01-05", "to": "2020-01-06"}, "from", "a window with calls, or one that is not over"),
        ({"name": " "}, "name", "1 to 80 characters, no slash, and no blanks around it"),
        ({"note": "n" * 1001}, "note", "at most 1,000 characters"),
        ({"name": "a\u0000b"}, "name", "text without either"),
        ({"note": "a\u0000b"}, "note", "text without either"),
        ({"feature": "(none)"}, "feature", "translate"),
        ({"mood": 1}, "body", "name"),
    ],
)
def test_a_baseline_that_cannot_be_pinned_says_what_can(
    web: str, filled: Project, make_key: Any, changes: dict[str, Any], parameter: str, allowed: str
) -> None:
    body = {"name": "canary", "from": "2026-01-05", "to": "2026-02-02"} | changes
    headers = {"Authorization": f"Bearer {make_key(filled, 'admin')}"}
    answer = httpx2.post(f"{web}/api/v1/baselines", json=body, headers=headers)
    told = answer.json()
    assert answer.status_code in (400, 404), told
    assert told["parameter"] == parameter
    assert told["allowed"][0].startswith(allowed)


def test_a_key_needs_the_read_scope(get: Get, filled: Project, make_key: Any) -> None:
    assert get("metrics/calls", key=make_key(filled, "ingest")).status_code == 403
    assert get("metrics/calls", key="nonsense").status_code == 401


def test_one_project_never_sees_anothers_numbers(get: Get, make_project: Any, make_key: Any) -> None:
    stranger = make_key(make_project(), "read")
    assert get("metrics/calls", key=stranger, window="39d").json()["value"] is None
    assert get("metrics/calls", key=stranger, feature="write-draft").status_code == 404
