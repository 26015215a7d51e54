"""The API's description says what the API does: nothing is missing, nothing is invented.

Requests made of it, and their answers held against it: tests/faults/unbroken.py.
"""

import re

import httpx2
from drf_spectacular.validation import validate_schema

from ingest import dictionary, timeline
from ingest.dimensions import Dimension
from ingest.projects.scope import project_scope
from ingest.timeline import DAY, Window
from observatory.metrics.baselines import store
from observatory.metrics.baselines.shapes import EXAMPLE as PINNED
from observatory.metrics.baselines.store import Baseline
from observatory.openapi.document import document
from observatory.openapi.examples import EXAMPLES, FILLING, PLACES
from tests.harness.doors import all_doors


def answered() -> set[tuple[str, str]]:
    """Every address and method under /api/v1/ that the resolver leads to."""
    found = set()
    for door in all_doors():
        if door.route.startswith("api/v1/"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{door.route}")
            found |= {
                (path, name) for name in ("get", "post", "put", "patch", "delete") if hasattr(door.view.cls, name)
            }
    return found


def test_every_address_and_method_is_described_and_nothing_else():
    told = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert len(told) > 10
    assert told == answered()


def test_the_description_is_valid_openapi():
    assert document()["openapi"].startswith("3.1")
    validate_schema(document())


def test_every_operation_says_what_it_is_for_and_which_scope_it_wants():
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            assert told["summary"], (method, path)
            assert told["description"], (method, path)
            assert all(scope for one in told["security"] for scope in one.values()), (method, path)


def test_what_a_browser_is_told_is_described(web, project, make_key):
    told = document()["paths"]["/api/v1/feedback"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert [one["$ref"].rpartition("/")[2] for one in told["anyOf"]] == ["Answer", "BrowserAnswer"]
    headers = {"x-api-key": make_key(project, "feedback")}
    answer = httpx2.post(f"{web}/api/v1/feedback", headers=headers, json=EXAMPLES["feedback"])
    assert answer.status_code == 200
    assert set(answer.json()) == set(document()["components"]["schemas"]["BrowserAnswer"]["properties"])


def test_every_operation_says_that_too_many_may_be_under_way():
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            assert "under way" in told["responses"]["429"]["description"], (method, path)


TOLD_BY_US = {"x-request-id", "ratelimit", "ratelimit-policy", "retry-after"}


def test_the_headers_of_answers_are_those_that_are_described(web, make_project, make_key):
    """Each of them is a header of the answer, and the answer has none of ours besides."""
    free, narrow = make_project(), make_project(events_per_second=1, bytes_per_second=100_000)
    told, item = document()["paths"]["/api/v1/interactions"]["post"]["responses"], {"feature": "a"}
    posts = [
        (free, "ingest", [item], 200), (narrow, "ingest", [item] * 20, 200), (narrow, "ingest", [item], 429),
        (narrow, "ingest", "x" * 6_000_000, 413), (free, "read", [item], 403),
    ]  # fmt: skip
    for project, scope, body, status in posts:
        headers = {"x-api-key": make_key(project, scope)}
        answer = httpx2.post(f"{web}/api/v1/interactions", headers=headers, json=body)
        assert answer.status_code == status, answer.text
        described = {name.lower() for name in told[str(status)]["headers"]}
        quotas = set() if project is narrow else {"ratelimit", "ratelimit-policy"}
        assert {name.lower() for name in answer.headers} & TOLD_BY_US == described - quotas, status
    unknown = httpx2.post(f"{web}/api/v1/interactions", json=item)
    assert set(told["401"]["headers"]) == {"X-Request-ID"}
    assert {name.lower() for name in unknown.headers} & TOLD_BY_US == {"x-request-id"}


def test_every_answer_names_its_request_and_every_refusal_for_now_says_when_to_come_again():
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            for status, answer in told["responses"].items():
                assert ("Retry-After" in answer["headers"]) is (status in {"429", "503"}), (method, path, status)
                assert "X-Request-ID" in answer["headers"], (method, path, status)
                for name, header in answer["headers"].items():
                    assert header == {"$ref": f"#/components/headers/{name}"}
                    assert name in document()["components"]["headers"]


def test_what_is_sent_may_be_compressed_and_what_is_read_says_nothing_of_it():
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            ways = [one["schema"]["enum"] for one in told.get("parameters", ()) if one["name"] == "Content-Encoding"]
            assert ways == ([["gzip", "deflate"]] if "requestBody" in told else []), (method, path)


def test_filling_is_answered_by_the_field_and_posting_by_the_item():
    def words(path, method):
        answers = document()["paths"][path][method]["responses"]
        return [answers[status]["description"] for status in ("200", "207")]

    assert all("field" in one for one in words("/api/v1/interactions/{id}", "patch"))
    assert all("item" in one for one in words("/api/v1/interactions", "post"))


def test_every_kind_that_can_be_sent_has_the_fields_of_its_struct():
    from ingest.contract import Interaction

    shape = document()["components"]["schemas"]["Interaction"]
    assert set(shape["properties"]) == set(Interaction.__struct_fields__)
    assert shape["required"] == ["feature"]


def test_the_examples_are_taken(post):
    for path, methods in document()["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        for name, example in content.get("application/json", {}).get("examples", {}).items():
            answer = post(path.removeprefix("/api/v1/"), example["value"])
            assert (answer.status_code, answer.json().get("invalid")) == (200, 0), (path, name, answer.text)
    assert set(EXAMPLES) >= {"interaction", "feedback", "cost", "change"}


def curls(method):
    """The address of each example request of a method, by path."""
    for path, methods in document()["paths"].items():
        if method in methods:
            source = methods[method]["x-codeSamples"][0]["source"]
            yield path.removeprefix("/api/v1/"), re.search(r'curl "([^"]+)"', source)[1].partition("/api/v1/")[2]


def test_what_the_examples_ask_is_found_where_the_examples_were_posted(post, web, project, make_key):
    posted = ("interactions", "interaction"), ("feedback", "feedback"), ("users", "user")
    for path, kind in posted:
        assert post(path, EXAMPLES[kind]).status_code == 200
    now = timeline.now()
    with project_scope(project.id):
        feature = dictionary.number_of(Dimension.FEATURE, PINNED["feature"])
        store.insert(Baseline(feature, PINNED["name"], "", Window(now, now + DAY), now, "a test"))
    headers = {"x-api-key": make_key(project, "read,admin")}
    (erased,) = [path for path in curls("delete") if path[0] == "users/{id}"]
    assert httpx2.delete(f"{web}/api/v1/{erased[1]}", headers=headers).status_code == 202
    statuses = {
        path: httpx2.get(f"{web}/api/v1/{asked}", headers=headers, timeout=20).status_code
        for path, asked in curls("get")
    }
    others = {path: status for path, status in statuses.items() if status != 200}
    assert others == {"incidents/{number}": 404, "findings/{number}": 404, "baselines/{name}/comparison": 409}
    deleted = {path: httpx2.delete(f"{web}/api/v1/{asked}", headers=headers) for path, asked in curls("delete")}
    assert deleted["baselines/{name}"].status_code == 200


def test_every_variable_of_an_address_has_an_example_of_its_own():
    variables = [
        (path.removeprefix("/api/v1/"), one["example"])
        for path, methods in document()["paths"].items()
        for told in methods.values()
        for one in told.get("parameters", ())
        if one["in"] == "path"
    ]
    assert {path for path, _ in variables} == set(PLACES)
    assert all(example == PLACES[path] for path, example in variables)


def test_the_example_of_filling_fills_the_example_that_was_posted(post, web, key):
    post("interactions", EXAMPLES["interaction"])
    (told,) = document()["paths"]["/api/v1/interactions/{id}"]["patch"]["requestBody"]["content"]["application/json"][
        "examples"
    ].values()
    assert told["value"] == FILLING
    answer = httpx2.patch(
        f"{web}/api/v1/interactions/{EXAMPLES['interaction']['id']}", headers={"x-api-key": key}, json=FILLING
    )
    assert (answer.status_code, answer.json()["filled"], answer.json()["conflicts"]) == (200, 1, 0)


def test_a_stored_interaction_has_the_fields_that_are_described_and_no_others(post, web, key):
    post("interactions", EXAMPLES["interaction"])
    answer = httpx2.get(f"{web}/api/v1/interactions/{EXAMPLES['interaction']['id']}", headers={"x-api-key": key})
    assert set(answer.json()) == set(document()["components"]["schemas"]["WholeInteraction"]["properties"])
    listed = httpx2.get(f"{web}/api/v1/interactions", headers={"x-api-key": key}).json()["items"][0]
    assert set(listed) == set(document()["components"]["schemas"]["StoredInteraction"]["properties"])


def test_the_document_is_served_to_everyone_and_kept_by_the_browser(web):
    answer = httpx2.get(f"{web}/api/schema")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["info"]["title"] == "Observatory"
    again = httpx2.get(f"{web}/api/schema", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
