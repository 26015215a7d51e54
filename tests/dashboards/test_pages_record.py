"""The list of interactions and one of them: found, paged both ways, shown as it was."""

import html as htmllib
import re
from datetime import timedelta

import pytest

from tests.dashboards import site as sites

LONG = "word " * 800


@pytest.fixture
def asking(web, project):
    with sites.client(web, sites.person(project)) as client:
        yield client


@pytest.fixture
def many(post, project):
    """120 interactions, several at the same instant, newest last."""
    from ingest import timeline

    now = timeline.now()
    items = [
        {
            "id": f"i-{number:03}", "feature": "chat", "model": "m", "user_id": f"u-{number % 3}", "session_id": f"s-{number % 10}",
            "occurred_at": (now - timedelta(minutes=200 - number // 4)).isoformat(), "prompt": f"p {number}",
        }
        for number in range(120)
    ]  # fmt: skip
    assert post("interactions", items).status_code == 200
    sites.roll(project)
    return [item["id"] for item in reversed(items)]


def ids_in(text):
    return re.findall(r'/interactions/one/\?id=([\w-]+)"', text)


def link(text, rel):
    found = re.search(rf'rel="{rel}" href="([^"]+)"', text)
    return htmllib.unescape(found.group(1)) if found else ""


def test_the_list_is_paged_both_ways_without_loss_or_repeat(asking, project, many):
    address, seen, texts = f"/{project.slug}/interactions/", [], []
    while address:
        text = asking.get(address).text
        texts.append(text)
        seen.append(ids_in(text))
        address = link(text, "next")
    assert [len(page) for page in seen] == [50, 50, 20]
    assert [id for page in seen for id in page] == many
    back = []
    address = link(texts[-1], "prev")
    while address:
        text = asking.get(address).text
        back.append(ids_in(text))
        address = link(text, "prev")
    assert back == [seen[1], seen[0]]


def test_filters_stay_while_paging(asking, project, many):
    text = asking.get(f"/{project.slug}/interactions/?feature=chat&thumb=none&range=24h").text
    following = link(text, "next")
    for kept in ("feature=chat", "thumb=none", "range=24h"):
        assert kept in following


def test_an_interaction_is_found_by_id_user_and_session(asking, project, many):
    page = f"/{project.slug}/interactions/"
    assert asking.get(page, params={"q": "i-007"}).headers["location"].endswith("/interactions/one/?id=i-007")
    assert len(ids_in(asking.get(page, params={"q": "u-1"}).text)) == 40
    assert len(ids_in(asking.get(page, params={"q": " s-4 "}).text)) == 12
    nothing = asking.get(page, params={"q": "nobody"}).text
    assert "Only those whose texts hold nobody" in nothing
    assert "Nothing in this window" in nothing


@pytest.fixture
def talk(post, project):
    """One conversation with everything that can be said about it."""
    messages = [
        {"role": "system", "content": LONG},
        {"role": "user", "content": [{"type": "text", "text": "How do I verify?"}]},
    ]
    own = {"feature": "write-draft", "model": "auto", "served_model": "gpt-4o", "session_id": "s-1", "user_id": "u-1"}
    items = [
        {**own, "id": "wd/1", "prompt": messages, "output": "Hi Lena,\n\n```python\nimport hmac\n```\nBest", "input_tokens": 431,
         "output_tokens": 176, "latency_ms": 5420, "segment": "support"},
        {**own, "id": "wd/2", "prompt": "again", "output": "yes"},
    ]  # fmt: skip
    assert post("interactions", items).status_code == 200
    said = [
        {"interaction_id": "wd/1", "kind": "thumb", "value": "down", "user_id": "u-9"},
        {"interaction_id": "wd/1", "kind": "correction", "final_text": "Hi Lena,\n\nPlease import hashlib. Best"},
        {"interaction_id": "wd/1", "kind": "flag", "category": "wrong", "comment": "not so"},
        {
            "interaction_id": "wd/1",
            "kind": "evaluation",
            "name": "faithful",
            "score": 0.8,
            "label": "good",
            "evaluator": "judge",
        },
        {"interaction_id": "wd/1", "kind": "evaluation", "name": "polite", "score": 1},
        {"interaction_id": "wd/1", "kind": "evaluation", "name": "safe", "label": "yes", "metadata": {"evaluator": 3}},
    ]
    assert post("feedback", said).status_code == 200
    cost = {"interaction_id": "wd/1", "component": "retrieval", "amount_usd": "0.0004", "description": "3 documents"}
    assert post("costs", cost).status_code == 200
    sites.roll(project)
    return "wd/1"


def test_one_interaction_is_shown_as_it_was(asking, project, talk):
    text = asking.get(f"/{project.slug}/interactions/one/", params={"id": talk}).text
    for shown in (
        "<h3>System</h3>", "<h3>User</h3>", "<h3>Output</h3>", 'class="fold"', '<pre class="sample"><code>import hmac</code></pre>',
        "asked for auto", "5.4\xa0s of 8.0\xa0s (p95 budget)", "Thumb down", "by u-9", "Flag: wrong", "not so", "<del>", "<ins>",
        "<b>Evaluation: faithful 0.8 · good · by judge</b>", "<b>Evaluation: polite 1</b>", "<b>Evaluation: safe · yes</b>",
        "exactly as stored, 431 tokens in",
        "Retrieval, 3 documents", "$0.00040", "Model tokens, 431 in, 176 out", "<dt>Segment</dt><dd>support</dd>",
        "/interactions/?q=s-1", "/interactions/one/?id=wd%2F2",
    ):  # fmt: skip
        assert shown in text, shown


def test_no_time_stands_inside_another(asking, project, talk):
    text = asking.get(f"/{project.slug}/interactions/one/", params={"id": talk}).text
    assert text.count("<time ") >= 7
    assert not re.search(r"<time [^>]*>\s*<time ", text)


def test_the_sum_of_one_interaction_is_its_parts(asking, project, talk):
    text = asking.get(f"/{project.slug}/interactions/one/", params={"id": talk}).text
    amounts = [float(amount) for amount in re.findall(r'<td class="num">\$([\d.]+)</td>', text)]
    assert len(amounts) == 3
    assert amounts[-1] == pytest.approx(sum(amounts[:-1]), rel=0.01)


def test_a_correction_of_chat_messages_is_shown_against_what_they_say_and_an_orphan_is_counted(asking, project, post):
    parts = [{"type": "text", "text": "今日は天気がいい。"}]
    post("interactions", {"id": "talk", "feature": "chat", "output": [{"role": "assistant", "content": parts}]})
    correction = {"kind": "correction", "final_text": "今日は天気が悪い。"}
    post("feedback", [{**correction, "interaction_id": "talk"}, {"kind": "thumb", "value": "up", "trace_id": "never"}])
    text = asking.get(f"/{project.slug}/interactions/one/?id=talk").text
    assert "<del>い</del>" in text
    assert "<ins>悪</ins>" in text
    assert "11.1" in text
    status = asking.get(f"/{project.slug}/status/").text
    assert re.search(r"Orphaned feedback.*?\b1\b.*?Orphaned costs.*?\b0\b", status, re.DOTALL)


def test_feedback_and_costs_in_which_something_was_replaced_say_so_on_the_page(asking, project, post):
    post("interactions", {"id": "call", "feature": "chat"})
    for broken in ("", "\0"):
        post("feedback", {"interaction_id": "call", "kind": "thumb", "value": "up", "comment": f"nice{broken}"})
        cost = {"interaction_id": "call", "component": "other", "amount_usd": 1, "description": f"bill{broken}"}
        post("costs", cost)
    text = asking.get(f"/{project.slug}/interactions/one/?id=call").text
    said = "(some characters were replaced by U+FFFD)"
    assert text.count(said) == 2
    assert f"“nice\ufffd” {said}" in text
    assert f"Other, bill\ufffd {said}" in text
