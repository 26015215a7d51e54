"""GET /api/v1/findings over real HTTP."""

from datetime import UTC, date, datetime

import httpx2
import pytest

from ingest.projects.scope import project_scope
from observatory.drift.models import Baseline, Finding, Series

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SPAN = {"low": 0.6, "high": 0.7}
EFFECT = {
    "first_day": "2026-03-13", "last_day": "2026-03-19", "n": 140, "n_effective": 120.0, "value": 0.65, "interval": SPAN,
    "baseline_value": 0.8, "change": -0.15, "change_interval": {"low": -0.2, "high": -0.1},
}  # fmt: skip


@pytest.fixture
def get(web, key):
    def ask(path):
        return httpx2.get(f"{web}/api/v1/{path}", headers={"Authorization": f"Bearer {key}"}, timeout=20)

    return ask


@pytest.fixture
def five(project):
    """Five findings of one series: the first two resolved, the third taken back."""
    with project_scope(project.id):
        series = Series.objects.create(feature_number=2, feature="write", signal="thumbs_up_rate", updated_at=NOW)
        baseline = Baseline.objects.create(
            series=series, content={}, first_day=date(2026, 2, 1), last_day=date(2026, 2, 28), accepted_at=NOW
        )
        for number in range(5):
            Finding.objects.create(
                series=series, baseline=baseline, direction="down", ordinal=number, alpha=0.05, watched_from=date(2026, 3, 1),
                alarm_day=date(2026, 3, 10), started_day=date(2026, 3, 7), started_low=date(2026, 3, 5), started_high=date(2026, 3, 8),
                effect=EFFECT, is_strong=True, opened_at=NOW, resolved_day=date(2026, 3, 18) if number < 2 else None,
                withdrawn_at=NOW if number == 2 else None,
            )  # fmt: skip


def test_findings_come_newest_first_page_by_page(get, five):
    seen, path = [], "findings?limit=2"
    for size in (2, 2, 1):
        body = get(path).json()
        assert len(body["items"]) == size
        seen += [item["id"] for item in body["items"]]
        path = f"findings?limit=2&cursor={body['next']}"
    assert body["next"] is None
    assert seen == sorted(set(seen), reverse=True)


def test_a_finding_says_what_moved_since_when_and_how_far(get, five, project):
    item = get("findings?limit=1").json()["items"][0]
    assert {name: item[name] for name in ("state", "signal", "metric", "feature", "direction", "is_strong")} == {
        "state": "open", "signal": "thumbs_up_rate", "metric": "thumbs_up_rate", "feature": "write", "direction": "down", "is_strong": True,
    }  # fmt: skip
    assert (item["started_day"], item["started_between"]) == ("2026-03-07", ["2026-03-05", "2026-03-08"])
    assert (item["opened_at"], item["resolved_day"], item["resolved_by"]) == ("2026-03-20T12:00:00Z", None, None)
    assert (item["effect"]["value"], item["effect"]["interval"], item["effect"]["sample_size"]) == (
        0.65,
        [0.6, 0.7],
        140,
    )
    assert item["baseline"] == ["2026-02-01", "2026-02-28"]
    assert item["url"].endswith(f"/{project.slug}/drift/{item['id']}/")


def test_a_state_can_be_asked_for(get, five):
    states = {
        path: [item["state"] for item in get(path).json()["items"]]
        for path in ("findings", "findings?state=open", "findings?state=resolved")
    }
    assert states == {
        "findings": ["open", "open", "withdrawn", "resolved", "resolved"],
        "findings?state=open": ["open", "open"],
        "findings?state=resolved": ["resolved", "resolved"],
    }


@pytest.mark.parametrize("query", ["state=x", "limit=0", "limit=x", "cursor=x", "cursor=%00", "feature=a"])
def test_what_cannot_be_asked_is_refused_in_words(get, query):
    answer = get(f"findings?{query}")
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad query")


def test_another_projects_findings_are_not_shown(web, project, five, make_project, make_key):
    headers = {"Authorization": f"Bearer {make_key(make_project())}"}
    assert httpx2.get(f"{web}/api/v1/findings", headers=headers).json() == {"items": [], "next": None}
    with project_scope(project.id):
        one = Finding.objects.first()
    answer = httpx2.get(f"{web}/api/v1/findings/{one.pk}", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (404, f"There is no finding {one.pk}.")


def test_a_finding_can_be_asked_for_by_its_number(get, five):
    for item in get("findings").json()["items"]:
        assert get(f"findings/{item['id']}").json() == item


@pytest.mark.parametrize("number", ["0", "9223372036854775807", "9" * 40])
def test_a_finding_that_is_not_there_is_a_404(get, five, number):
    answer = get(f"findings/{number}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
