"""GET /provider-limits over real HTTP: limits beside busiest minutes that can be counted by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, HOUR, MINUTE, floor
from observatory.metrics import provider_limits, roller
from observatory.metrics.provider_limits import Limit
from tests.factories import interactions

NOW = datetime.now(UTC)
YESTERDAY = floor(NOW, DAY) - DAY
ASKED = {"from": YESTERDAY.isoformat(), "to": (YESTERDAY + DAY).isoformat()}
MINUTES = (("openai", "large", 5, 40, 200), ("openai", "small", 9, 10, 1_000), ("anthropic", "small", 9, 5, 100))
"""Provider, model, minute, calls, tokens of each."""
PEAKS = [
    {"provider": "openai", "model": "", "peak_requests_per_minute": 40, "peak_tokens_per_minute": 10_000},
    {"provider": "anthropic", "model": "", "peak_requests_per_minute": 5, "peak_tokens_per_minute": 500},
    {"provider": "", "model": "small", "peak_requests_per_minute": 15, "peak_tokens_per_minute": 10_500},
    {"provider": "", "model": "large", "peak_requests_per_minute": 40, "peak_tokens_per_minute": 8_000},
]
NO_LIMIT = {"requests_per_minute": None, "tokens_per_minute": None}

Get = Callable[..., httpx2.Response]


@pytest.fixture
def get(web: str, key: str) -> Iterator[Get]:
    """GET the address with the fresh project's key, or another one."""
    with httpx2.Client(base_url=web, timeout=20) as client:

        def fetch(key: str = key, **asked: str) -> httpx2.Response:
            return client.get("/api/v1/provider-limits", params=asked, headers={"Authorization": f"Bearer {key}"})

        yield fetch


@pytest.fixture
def filled(project: Project) -> Project:
    """Three busy minutes of yesterday, and calls that name nobody."""
    rows: list[dict[str, Any]] = [
        {"at": YESTERDAY + HOUR + minute * MINUTE, "feature": "a", "provider": provider, "model": model, "input_tokens": tokens, "output_tokens": 0}
        for provider, model, minute, calls, tokens in MINUTES
        for _ in range(calls)
    ]  # fmt: skip
    interactions(project, [*rows, *({"at": YESTERDAY + 2 * HOUR, "feature": "a"} for _ in range(90))])
    roller.roll(NOW, only=[project.pk], everything=True)
    return project


def enter(project: Project, *limits: Limit) -> None:
    with project_scope(project.pk):
        for limit in limits:
            provider_limits.enter(limit)


def test_limits_stand_beside_their_busiest_minutes_the_most_used_first(get: Get, filled: Project) -> None:
    enter(filled, Limit("openai", "", 50, 100_000), Limit("anthropic", "small", None, 11_000), Limit("google", "", 5))
    told = get(**ASKED).json()
    assert told["limits"] == [
        {**PEAKS[2], "provider": "anthropic", **NO_LIMIT, "tokens_per_minute": 11_000, "state": "ok", "value": pytest.approx(10_500 / 11_000)},
        {**PEAKS[0], "requests_per_minute": 50, "tokens_per_minute": 100_000, "state": "ok", "value": pytest.approx(0.8)},
        {"provider": "google", "model": "", "peak_requests_per_minute": 0, "peak_tokens_per_minute": 0,
         "requests_per_minute": 5, "tokens_per_minute": None, "state": "no_data", "value": None},
    ]  # fmt: skip
    assert told["peaks"] == PEAKS
    whole = {name: told[name] for name in ("state", "value", "interval", "sample_size")}
    assert whole == {"state": "ok", "value": pytest.approx(10_500 / 11_000), "interval": None, "sample_size": 15}


def test_the_whole_is_what_the_metric_says(get: Get, filled: Project, web: str, key: str) -> None:
    enter(filled, Limit("openai", "", 50))
    headers = {"Authorization": f"Bearer {key}"}
    metric = httpx2.get(f"{web}/api/v1/metrics/provider_limit_use", params=ASKED, headers=headers).json()
    told = get(**ASKED).json()
    for name in ("metric", "unit", "from", "to", "state", "value", "interval", "sample_size"):
        assert told[name] == metric[name], name
    assert NOW <= datetime.fromisoformat(told["complete_to"]) <= datetime.now(UTC)


def test_without_limits_there_are_only_busiest_minutes(get: Get, filled: Project) -> None:
    told = get(**ASKED).json()
    assert (told["state"], told["value"], told["limits"], told["peaks"]) == ("not_instrumented", None, [], PEAKS)
    enter(filled, Limit("google", "", 5))
    assert get(**ASKED).json()["state"] == "no_data"


def test_an_empty_project_has_none_of_it(get: Get, project: Project) -> None:
    told = get().json()
    assert (told["state"], told["limits"], told["peaks"]) == ("no_data", [], [])
    assert datetime.fromisoformat(told["to"]) - datetime.fromisoformat(told["from"]) == DAY


def test_another_projects_key_sees_none_of_it(
    get: Get, filled: Project, make_project: Callable[..., Project], make_key: Callable[..., str]
) -> None:
    enter(filled, Limit("openai", "", 50))
    told = get(key=make_key(make_project(), "read"), **ASKED).json()
    assert (told["limits"], told["peaks"]) == ([], [])
    assert get(key=make_key(filled, "ingest")).status_code == 403
