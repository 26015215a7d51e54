"""Keys that browsers hold: the origins of the project alone, a little at a time, and nothing to be learned."""

import gzip
import json
from types import SimpleNamespace

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from ingest import records, timeline
from ingest.api import browsers, entrance
from ingest.api.addresses import client_of
from ingest.dimensions import ABSENT, FIRST
from ingest.erasure import receipts
from ingest.normalise import Receipt
from ingest.projects import keys
from ingest.projects.models import Feature
from ingest.quotas.headers import OverQuota
from tests.ingest.record import rows

APP, EVIL = "https://app.example.com", "https://evil.example.com"
THUMB = {"kind": "thumb", "value": "up", "interaction_id": "i-1"}


@pytest.fixture
def project(make_project):
    return make_project(cors_origins=f"https://other.example.com {APP}")


@pytest.fixture
def send(web, project, make_key):
    key = make_key(project, "feedback")
    with httpx2.Client(base_url=f"{web}/api/v1/", timeout=20) as client:

        def post(items, origin=APP, path="feedback", method="POST", key=key):
            headers = {"Authorization": f"Bearer {key}"} | ({"Origin": origin} if origin else {})
            return client.request(method, path, json=items, headers=headers)

        yield post


def stored(project):
    return len(rows(project, "feedback"))


@pytest.mark.parametrize("origin", [APP, EVIL])
def test_a_preflight_needs_no_key_and_tells_every_page_the_same(web, origin):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = httpx2.options(f"{web}/api/v1/feedback", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert set(answer.headers["access-control-allow-headers"].split(", ")) == {
        "authorization",
        "content-type",
        "x-api-key",
    }
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers


def test_no_other_address_answers_a_preflight(web):
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    for path in ("interactions", "costs", "batch", "metrics"):
        answer = httpx2.options(f"{web}/api/v1/{path}", headers=asked)
        assert answer.status_code == 401
        assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_the_project_may_post_and_read_the_answer(send, project):
    answer = send(THUMB)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == APP
    assert "Origin" in answer.headers["vary"]
    assert stored(project) == 1


@pytest.mark.parametrize("origin", [EVIL, "null", "http://app.example.com", f"{APP}:8443", f"{APP}.evil.example", "x"])
def test_a_page_of_anybody_else_is_403_and_stores_nothing(send, project, origin):
    answer = send(THUMB, origin)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert stored(project) == 0


def test_a_project_that_names_no_origin_has_no_pages(web, make_project, make_key):
    bearer = {"Authorization": f"Bearer {make_key(make_project(), 'feedback')}", "Origin": APP}
    assert httpx2.post(f"{web}/api/v1/feedback", json=THUMB, headers=bearer).status_code == 403


def test_whoever_names_no_origin_is_no_browser_and_may_post(send, project):
    answer = send(THUMB, origin=None)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert stored(project) == 1


def test_the_answer_is_the_same_whatever_is_in_the_record(send, post, project, make_key):
    ingest = make_key(project, "ingest")
    post("interactions", {"id": "i-1", "feature": "a", "output": "y"}, key=ingest)
    known = send({**THUMB, "id": "f-1"})
    unknown = send({**THUMB, "id": "f-2", "interaction_id": "nobody"})
    again, other = send({**THUMB, "id": "f-1"}), send({**THUMB, "id": "f-1", "value": "down"})
    told = {"accepted": 1, "invalid": 0, "results": [{"index": 0, "status": "accepted"}]}
    assert [answer.json() for answer in (known, unknown, again, other)] == [told] * 4
    assert {answer.status_code for answer in (known, unknown, again, other)} == {200}
    assert stored(project) == 2


def test_what_has_the_wrong_form_is_told_to_the_page(send, project):
    answer = send([THUMB, {"kind": "thumb", "value": "sideways", "interaction_id": "i-1"}])
    assert answer.status_code == 207
    assert (answer.json()["accepted"], answer.json()["invalid"]) == (1, 1)
    assert answer.json()["results"][1]["error"]["path"] == "$.value"
    assert send({"kind": "thumb"}).status_code == 400
    assert send({"kind": "thumb"}).headers["access-control-allow-origin"] == APP
    assert stored(project) == 1


def test_an_erased_user_looks_like_any_other(send, project):
    receipts.request(project.id, "u-1", by="test", now=timeline.now())
    old = {**THUMB, "user_id": "u-1", "occurred_at": "2026-01-01T00:00:00Z"}
    assert send(old).json() == {"accepted": 1, "invalid": 0, "results": [{"index": 0, "status": "accepted"}]}
    assert stored(project) == 0


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "thumb", "value": "down"},
        {"kind": "rating", "value": 4},
        {"kind": "correction", "final_text": "better"},
        {"kind": "flag", "category": "wrong", "comment": "the year"},
        {"kind": "acceptance", "value": "dismissed"},
        {"kind": "outcome", "value": "completed"},
        {"kind": "implicit", "value": "copy"},
    ],
    ids=lambda item: item["kind"],
)
def test_a_page_may_say_what_its_visitor_made_of_an_interaction(send, project, item):
    assert send({**item, "interaction_id": "i-1"}).status_code == 200
    assert stored(project) == 1
    alone = send(item)
    assert alone.status_code == 400
    assert alone.json()["errors"][0]["path"] == "$.interaction_id"


@pytest.mark.parametrize("item", [{"kind": "nps", "value": 9}, {"kind": "survey", "score": 4}], ids=["nps", "survey"])
def test_a_page_may_ask_a_question_about_the_product(send, project, item):
    assert send({**item, "user_id": "u-1"}).status_code == 200
    assert stored(project) == 1


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "escalation", "reason": "help"},
        {"kind": "ticket", "category": "accuracy"},
        {"kind": "evaluation", "name": "groundedness", "score": 0},
    ],
    ids=lambda item: item["kind"],
)
def test_what_pages_somebody_or_judges_is_posted_by_a_server(send, project, make_key, item):
    """Five escalations are critical: whoever reads a page's source must not be able to call anybody out of bed."""
    for refused in (send(item), send({**item, "interaction_id": "i-1"})):
        assert refused.status_code == 400
        error = refused.json()["errors"][0]
        assert (error["path"], error["got"]) == ("$.kind", repr(item["kind"]))
        assert "thumb, rating, correction, flag, acceptance, outcome, survey, nps, implicit:" in error["expected"]
    assert send([THUMB, item]).json()["accepted"] == 1
    assert stored(project) == 1
    by_server = send({**item, "interaction_id": "i-1"}, None, key=make_key(project, "ingest"))
    assert by_server.status_code == 200


def test_a_page_never_adds_a_feature(send, post, project, make_key):
    """There is room for 200 names, for ever: 200 posts would make `other` of every feature to come."""
    post("interactions", {"id": "i-1", "feature": "chat"}, key=make_key(project, "ingest"))
    known, unknown = {"kind": "nps", "value": 9, "feature": "chat"}, {"kind": "nps", "value": 9, "feature": "made up"}
    bound = {**THUMB, "feature": "made up, too"}
    answers = [send({**item, "id": f"f-{number}"}) for number, item in enumerate((known, unknown, bound))]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1
    assert [row["value"] for row in rows(project, "dimension_value")] == ["chat"]
    assert [row["name"] for row in rows(project, Feature._meta.db_table, "name")] == ["chat"]
    numbers = {row["id"]: row["feature_id"] for row in rows(project, "feedback")}
    assert numbers == {"f-0": FIRST, "f-1": ABSENT, "f-2": FIRST}
    kept = {row["id"]: row["metadata"] for row in rows(project, "feedback")}
    assert (kept["f-0"], json.loads(kept["f-1"])) == (None, {"feature": "made up"})


def test_what_comes_from_pages_is_never_stored_by_the_request_of_a_server(project, monkeypatch):
    """Requests that wait together are stored as one, by one receipt."""
    lines = []
    monkeypatch.setattr(
        records, "stored_together", lambda line, entries, storing: lines.append(line) or storing(entries)
    )
    for is_from_browser in (False, True):
        receipt = Receipt(project.id, project.time_zone, timeline.now(), is_from_browser=is_from_browser)
        records.take(records.FEEDBACK, json.dumps(THUMB).encode(), receipt)
    assert lines[0] != lines[1]


def test_what_comes_from_pages_takes_nothing_from_the_quotas_of_servers(web, make_project, make_key):
    project = make_project(events_per_second=1, bytes_per_second=2_000)
    browser, ingest = ({"Authorization": f"Bearer {make_key(project, scope)}"} for scope in ("feedback", "ingest"))

    def send(headers, items):
        return httpx2.post(f"{web}/api/v1/feedback", json=items, headers=headers)

    assert send(browser, [THUMB] * 50).status_code == 200
    refused = send(browser, THUMB)
    assert refused.status_code == 429
    by_server = send(ingest, {**THUMB, "id": "f-1"})
    assert by_server.status_code == 200
    assert '"events";r=9;' in by_server.headers["ratelimit"]


def test_a_page_is_told_of_no_quota_but_that_of_its_own_address(web, make_project, make_key):
    project = make_project(events_per_second=100, bytes_per_second=100_000, cors_origins=APP)
    headers = {"Authorization": f"Bearer {make_key(project, 'feedback')}", "Origin": APP}
    answers = [httpx2.post(f"{web}/api/v1/feedback", json=[THUMB] * 40, headers=headers) for _ in range(3)]
    answers.append(httpx2.post(f"{web}/api/v1/feedback", content=b"{", headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    for answer in answers:
        assert answer.headers["ratelimit"].startswith('"address";r=')
        assert answer.headers["ratelimit-policy"] == '"address";q=60;qu="events";w=60'


def test_a_refusal_for_what_all_browsers_send_tells_a_page_nothing_of_how_much_that_is(web, make_project, make_key):
    project = make_project(events_per_second=1)
    headers = {"Authorization": f"Bearer {make_key(project, 'feedback')}"}
    sent = [httpx2.post(f"{web}/api/v1/feedback", json=[THUMB] * 20, headers=headers) for _ in range(2)]
    refused = sent[1]
    assert [answer.status_code for answer in sent] == [200, 429]
    assert refused.headers["ratelimit"].startswith('"address";r=')
    assert refused.headers["retry-after"] == "60"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Too many requests",
        "status": 429,
        "detail": "This is not taken now. Send the same again later.",
        "errors": [],
    }


def test_a_refusal_for_both_its_own_and_what_all_send_tells_a_page_of_its_own(web, make_project, make_key):
    project = make_project(events_per_second=1)
    headers = {"Authorization": f"Bearer {make_key(project, 'feedback')}"}
    sent = [httpx2.post(f"{web}/api/v1/feedback", json=[THUMB] * 66, headers=headers) for _ in range(2)]
    refused = sent[1]
    assert [answer.status_code for answer in sent] == [200, 429]
    assert refused.json()["violated-policies"] == ["address"]
    assert refused.json()["detail"] == "The quota of address is used up. Send the same again later."
    assert int(refused.headers["retry-after"]) <= 7
    assert refused.headers["ratelimit"].endswith(f";t={refused.headers['retry-after']}")


def test_every_other_address_is_403(send):
    for method, path in (
        ("POST", "interactions"),
        ("POST", "batch"),
        ("POST", "users"),
        ("GET", "interactions"),
        ("GET", "metrics"),
    ):
        assert send(THUMB, method=method, path=path).status_code == 403
    assert send(THUMB, method="PATCH", path="interactions/i-1").status_code == 403
    assert send(THUMB, method="DELETE", path="users/u-1").status_code == 403


def test_one_address_may_post_so_much_a_minute(send, web, project, make_key):
    assert send([THUMB] * 70).status_code == 200
    refused = send(THUMB)
    assert refused.status_code == 429
    assert refused.json()["violated-policies"] == ["address"]
    assert int(refused.headers["retry-after"]) > 5
    assert refused.headers["access-control-allow-origin"] == APP
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    assert send(THUMB, key=make_key(project, "feedback")).status_code == 200
    assert stored(project) == 71


def test_an_ingest_key_is_no_browser_s_and_gets_no_leave(send, project, make_key):
    answer = send({**THUMB, "id": "x"}, EVIL, key=make_key(project, "ingest"))
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.json()["created"] == 1


def test_the_scope_feedback_is_given_alone(project):
    assert keys.checked(["feedback"]) == ("feedback",)
    with pytest.raises(ValueError, match="alone"):
        keys.read_scopes("ingest,feedback")
    with pytest.raises(CommandError, match="alone"):
        call_command("create_key", project.slug, scopes="feedback,read")


@pytest.mark.parametrize(
    ("address", "forwarded", "is_behind_proxy", "expected"),
    [
        ("192.0.2.1", "", False, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", False, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5, 198.51.100.7", True, "198.51.100.7"),
        ("192.0.2.1", "", True, "192.0.2.1"),
        ("2001:db8:1:2:3::4", "", False, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "", False, "192.0.2.1"),
        ("192.0.2.1", "nonsense", True, "unknown"),
        ("", "", False, "unknown"),
    ],
)
def test_an_address_is_told_as_far_as_it_can_be_trusted(address, forwarded, is_behind_proxy, expected):
    with override_settings(IS_BEHIND_PROXY=is_behind_proxy):
        assert client_of({"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": forwarded}) == expected


@pytest.mark.parametrize("form", ["announced", "in chunks", "compressed"])
def test_a_browser_s_body_is_small_however_it_travels(web, project, make_key, form):
    large = json.dumps(THUMB).encode() + b" " * (64 << 10)
    content = {"announced": large, "in chunks": iter([large]), "compressed": gzip.compress(large)}[form]
    headers = {"Authorization": f"Bearer {make_key(project, 'feedback')}", "Content-Type": "application/json"}
    coding = {"Content-Encoding": "gzip"} if form == "compressed" else {}
    answer = httpx2.post(f"{web}/api/v1/feedback", content=content, headers=headers | coding)
    assert answer.status_code == 413
    assert stored(project) == 0
    ingest = {"Authorization": f"Bearer {make_key(project)}"}
    assert httpx2.post(f"{web}/api/v1/feedback", content=large, headers=headers | ingest).status_code == 200


def test_a_body_that_is_too_large_costs_a_page_nothing(send, web, project, make_key):
    key = make_key(project, "feedback")
    for _ in range(70):
        assert send([THUMB] * 1_500, key=key).status_code == 413
    assert send(THUMB, key=key).status_code == 200


def test_what_one_address_is_refused_costs_neither_the_key_nor_the_project(make_project, monkeypatch):
    for module in (browsers, entrance):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1.0))
    project = make_project(bytes_per_second=100)
    holder = SimpleNamespace(
        project_id=project.id, key_id=-project.id, scopes={"feedback"}, events_per_second=None, bytes_per_second=100
    )

    def post(address):
        request = SimpleNamespace(META={"REMOTE_ADDR": address}, parser_context={"view": SimpleNamespace(headers={})})
        way_in = entrance.Entrance(request, holder)
        try:
            way_in.let_in(10)
        except OverQuota as refused:
            return refused.violated or ["shared"]
        return []

    with override_settings(BROWSER_FEEDBACK_PER_KEY=50, BROWSER_FEEDBACK_PER_ADDRESS=20):
        assert [post("192.0.2.1") for _ in range(400)][20:] == [["address"]] * 380
        assert [post("192.0.2.2") for _ in range(20)] == [[]] * 20
        assert [post("192.0.2.3") for _ in range(20)] == [[]] * 10 + [["shared"]] * 10
    holder.key_id -= 1
    assert [post("192.0.2.1") for _ in range(60)] == [[]] * 50 + [["shared"]] * 10
