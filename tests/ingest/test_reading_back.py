"""GET: single interactions and pages of them, prompt and output exactly as stored."""

from datetime import timedelta

import httpx2
import pytest

from ingest import timeline


@pytest.fixture
def get(web, key):
    def read(path, **query):
        return httpx2.get(f"{web}/api/v1/{path}", params=query, headers={"authorization": f"Bearer {key}"}, timeout=20)

    return read


def test_one_interaction_comes_back_as_it_was_sent(post, get):
    sent = {
        "id": "a/b c", "feature": "write", "prompt": [{"role": "user", "content": " é\n"}], "output": " x\r\n",
        "model": "gpt-4o", "input_tokens": 3, "output_tokens": 1, "latency_ms": 2.5, "metadata": {"k": [1]}, "status": "error",
        "error_class": "timeout",
    }  # fmt: skip
    post("interactions", sent)
    shown = get("interactions/a%2Fb%20c").json()
    assert {name: shown[name] for name in sent} == sent
    assert (shown["cost_usd"], shown["cost_source"]) == ("0.0000175", "catalogue")
    assert shown["region"] is None
    assert shown["occurred_at"].endswith("Z")


@pytest.mark.parametrize("id", ["nobody", "%00", "x" * 300, "..%2f.."])
def test_an_id_that_is_not_there_is_404(get, id):
    assert get(f"interactions/{id}").status_code == 404


def test_pages_give_everything_once_newest_first(post, get):
    now = timeline.now()
    at = [(now - timedelta(minutes=number // 3)).isoformat() for number in range(25)]
    post("interactions", [{"id": f"{n:02}", "feature": f"f{n % 2}", "occurred_at": at[n]} for n in range(25)])
    seen, cursor = [], ""
    while cursor is not None:
        page = get("interactions", limit=4, **({"cursor": cursor} if cursor else {})).json()
        seen += [(item["occurred_at"], item["id"]) for item in page["items"]]
        cursor = page["next"]
    assert len(seen) == 25
    assert seen == sorted(seen, reverse=True)
    assert [item["feature"] for item in get("interactions", feature="f1").json()["items"]] == ["f1"] * 12
    assert get("interactions", feature="\0").json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "٣"},
        {"limit": "9" * 50},
        {"limit": "000001999"},
        {"limit": "1" + "0" * 5000},
        {"cursor": "x"},
        {"cursor": "WyIiLDFd"},
        {"cursor": "bnVsbA=="},
    ],
)
def test_a_query_that_cannot_be_is_400(get, query):
    answer = get("interactions", **query)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
