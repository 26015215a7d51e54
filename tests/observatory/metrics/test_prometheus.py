"""GET /prometheus: a project's headline numbers, the same that the API gives."""

from datetime import UTC, datetime

import httpx2
import pytest

from ingest.dimensions import CostSource, FeedbackKind
from ingest.timeline import DAY, MINUTE, floor
from observatory.metrics import roller
from tests.factories import interactions, verdicts
from tests.observatory.metrics.test_exposition import parsed


@pytest.fixture
def filled(project):
    now = datetime.now(UTC)
    at = floor(now, MINUTE) - 3 * MINUTE
    fresh = {"latency_ms": 1_500.0, "cost_nano": 250_000_000, "cost_source": int(CostSource.CLIENT)}
    interactions(project, [{"at": at, "feature": 'write "draft"', "user_id": f"u{n % 7}", **fresh} for n in range(40)])
    old = interactions(project, [{"at": at - 3 * DAY, "feature": "translate"} for _ in range(30)])
    verdicts(
        project,
        [{"interaction": name, "kind": int(FeedbackKind.THUMB), "value": float(n < 24)} for n, name in enumerate(old)],
    )
    roller.roll(now, only=[project.pk], everything=True)
    return project


def test_it_says_what_the_api_says_over_windows_named_in_labels(filled, web, key):
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx2.get(f"{web}/api/v1/prometheus", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    types, _, samples = parsed(answer.text.removesuffix("\n").split("\n"))
    found = {
        (name.removeprefix("observatory_"), labels.get("window", ""), labels.get("feature", "")): value
        for name, labels, value in samples
    }
    assert {labels["project"] for _, labels, _ in samples} == {filled.slug}
    assert set(types.values()) == {"gauge"}
    assert found["project_calls", "15m", ""] == found["feature_calls", "15m", 'write "draft"'] == 40
    assert found["project_latency_p50_seconds", "15m", ""] == pytest.approx(1.5, rel=0.01)
    assert found["project_thumbs_up_rate", "7d", ""] == found["feature_thumbs_up_rate", "7d", "translate"] == 0.8
    assert ("feature_thumbs_up_rate", "7d", 'write "draft"') not in found  # nobody rated it: unknown is not 0
    assert ("feature_latency_p50_seconds", "15m", "translate") not in found
    for metric, window in (("calls", "24h"), ("cost_total", "month"), ("error_rate", "24h")):
        told = httpx2.get(f"{web}/api/v1/metrics/{metric}", params={"window": window}, headers=headers).json()
        assert found[f"project_{metric}{'_usd' if metric == 'cost_total' else ''}", window, ""] == pytest.approx(
            told["value"], abs=1e-9
        )
    # Between midnight and three minutes past, these calls are yesterday's.
    assert found.get(("project_dau", "today", ""), 7) == 7


def test_a_scrape_within_seconds_costs_nothing_and_tells_the_same(filled, web, key):
    headers = {"Authorization": f"Bearer {key}"}
    first = httpx2.get(f"{web}/api/v1/prometheus", headers=headers).text
    interactions(filled, [{"at": datetime.now(UTC) - MINUTE, "feature": "new"}])
    roller.roll(datetime.now(UTC), only=[filled.pk], everything=True)
    assert httpx2.get(f"{web}/api/v1/prometheus", headers=headers).text == first
    accept = headers | {"Accept": "application/openmetrics-text;q=0.9,text/plain;q=0.1"}
    asked = httpx2.get(f"{web}/api/v1/prometheus", headers=accept).text
    assert asked.endswith("# EOF\n")
    assert parsed(asked.removesuffix("\n# EOF\n").split("\n"))[2] == parsed(first.removesuffix("\n").split("\n"))[2]


def test_it_needs_a_key_that_reads_and_takes_no_parameters(web, project, key, make_key):
    def get(key, **parameters):
        return httpx2.get(f"{web}/api/v1/prometheus", params=parameters, headers={"x-api-key": key}).status_code

    assert (get("nonsense"), get(make_key(project, "ingest")), get(key, window="7d"), get(key)) == (401, 403, 400, 200)


def test_what_has_no_interaction_is_told_by_kind(web, project, key, post):
    thumb = {"kind": "thumb", "value": "up", "interaction_id": "never sent"}
    assert post("feedback", [thumb, thumb]).status_code == 200
    cost = {"component": "other", "amount_usd": 1, "interaction_id": "never sent"}
    assert post("costs", [cost]).status_code == 200
    scraped = httpx2.get(f"{web}/api/v1/prometheus", headers={"x-api-key": key}).text
    samples = parsed(scraped.removesuffix("\n").split("\n"))[2]
    found = {
        (labels["kind"], labels["state"]): value
        for name, labels, value in samples
        if name == "observatory_project_orphans"
    }
    assert found == {
        ("feedback", "waiting"): 2,
        ("feedback", "given_up"): 0,
        ("cost", "waiting"): 1,
        ("cost", "given_up"): 0,
    }


def test_history_that_waits_to_be_counted_moves_back_how_far_the_numbers_are_complete(filled, web, key):
    late = floor(datetime.now(UTC), MINUTE) - 4 * DAY
    interactions(filled, [{"at": late, "feature": "translate"}])
    answer = httpx2.get(f"{web}/api/v1/prometheus", headers={"Authorization": f"Bearer {key}"})
    _, _, samples = parsed(answer.text.removesuffix("\n").split("\n"))
    (found,) = (value for name, _, value in samples if name == "observatory_project_complete_to_timestamp_seconds")
    assert found == late.timestamp()
