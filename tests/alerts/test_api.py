"""GET /api/v1/incidents over real HTTP."""

from datetime import timedelta

import httpx2
import pytest

from tests.alerts.conftest import START


@pytest.fixture
def get(web, key):
    def ask(path, *, key=key):
        return httpx2.get(f"{web}/api/v1/{path}", headers={"Authorization": f"Bearer {key}"}, timeout=20)

    return ask


@pytest.fixture
def seven(rule, feature, judge, numbers):
    """Open seven incidents, two of which end."""
    for number in range(7):
        feature(f"feature-{number}", 10 + number)
        numbers.set("error_rate", 0.06, feature=f"feature-{number}")
    rule(feature="", scope="every_feature")
    judge(START + timedelta(minutes=6))
    for number in range(2):
        numbers.set("error_rate", 0.0, feature=f"feature-{number}")
    judge(START + timedelta(minutes=16))


def test_incidents_come_newest_first_page_by_page(get, seven):
    seen, path = [], "incidents?limit=3"
    for size in (3, 3, 1):
        body = get(path).json()
        assert len(body["items"]) == size
        seen += [item["id"] for item in body["items"]]
        path = f"incidents?limit=3&cursor={body['next']}"
    assert body["next"] is None
    assert seen == sorted(set(seen), reverse=True)


def test_an_incident_says_everything_with_unknown_as_null(get, seven):
    item = get("incidents?limit=1").json()["items"][0]
    assert item["feature"] == "feature-6"
    assert (item["state"], item["severity"], item["metric"], item["unit"]) == (
        "open",
        "critical",
        "error_rate",
        "ratio",
    )
    assert (item["value"], item["interval"], item["warning_at"], item["critical_at"]) == (0.06, None, 0.02, 0.05)
    assert item["since"] == "2026-03-02T00:05:00Z"
    assert (item["resolved_at"], item["resolved_by"], item["reference"]) == (None, None, None)
    single = get(f"incidents/{item['id']}").json()
    assert [event["kind"] for event in single.pop("events")] == ["opened"]
    assert single == item


def test_a_state_can_be_asked_for(get, seven):
    assert [len(get(f"incidents?state={state}").json()["items"]) for state in ("open", "resolved")] == [5, 2]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "limit=",
        "state=bad",
        "cursor=%00",
        "cursor=zzz",
        "cursor=LTU",
        "cursor=١",
    ],
)
def test_a_parameter_that_cannot_be_is_explained(get, query):
    answer = get(f"incidents?{query}")
    if query == "limit=":
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(word in answer.json()["detail"] for word in ("limit", "state", "cursor"))


def test_strangers_and_lesser_keys_see_nothing(get, seven, make_project, make_key, project):
    number = get("incidents?limit=1").json()["items"][0]["id"]
    stranger = make_key(make_project())
    assert get("incidents", key=stranger).json() == {"items": [], "next": None}
    assert get(f"incidents/{number}", key=stranger).status_code == 404
    assert get("incidents", key=make_key(project, "ingest")).status_code == 403
    assert get("incidents", key="nobody").status_code == 401


@pytest.mark.parametrize("number", ["0", "999999999999", "99999999999999999999999"])
def test_an_incident_that_is_not_there_is_a_404(get, seven, number):
    assert get(f"incidents/{number}").status_code == 404
