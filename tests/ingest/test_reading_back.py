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


CALL = {"id": "c", "feature": "write", "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 1000}


@pytest.mark.parametrize(
    ("own", "costs", "total"),
    [
        ({}, {}, "0.0125"),
        ({}, {"model_tokens": "0.8"}, "0.8"),
        ({}, {"model_tokens": "0.8", "human_review": "0.05"}, "0.85"),
        ({}, {"human_review": "0.05"}, "0.0625"),
        ({"model": "nobody-knows"}, {}, None),
        ({"model": "nobody-knows"}, {"human_review": "0.05"}, "0.05"),
    ],
)
def test_one_interaction_says_what_it_cost_with_the_records_that_name_it(post, get, own, costs, total):
    post("interactions", CALL | own)
    for component, amount in costs.items():
        post("costs", {"id": component, "interaction_id": "c", "component": component, "amount_usd": amount})
    shown = get("interactions/c").json()
    assert shown["total_cost_usd"] == total
    assert [(one["id"], one["component"], one["amount_usd"]) for one in shown["costs"]] == [
        (component, component, amount) for component, amount in costs.items()
    ]


def test_the_cost_counts_all_records_though_the_first_are_shown(post, get):
    post("interactions", CALL)
    many = [{"id": f"{n}", "interaction_id": "c", "component": "other", "amount_usd": "0.01"} for n in range(203)]
    post("costs", many)
    shown = get("interactions/c").json()
    assert (len(shown["costs"]), shown["total_cost_usd"]) == (200, "2.0425")


def test_one_interaction_says_what_was_said_of_it_in_order_of_time(post, get):
    post("interactions", CALL)
    post(
        "feedback",
        {"id": "f-1", "interaction_id": "c", "kind": "thumb", "value": "down", "user_id": "u", "comment": "no"},
    )
    post("feedback", {"id": "f-2", "interaction_id": "c", "kind": "rating", "value": 4, "scale": 5})
    post("feedback", {"id": "f-3", "interaction_id": "other", "kind": "rating", "value": 4, "scale": 5})
    first, second = get("interactions/c").json()["feedback"]
    assert (first["id"], first["kind"], first["value"], first["comment"]) == ("f-1", "thumb", 0.0, "no")
    assert (first["user_id"], first["label"], first["flags"]) == ("u", "down", [])
    assert (second["id"], second["kind"], second["value"], second["label"]) == ("f-2", "rating", 0.8, "4/5")


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
    assert get("interactions", feature="\0").status_code == 404


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
