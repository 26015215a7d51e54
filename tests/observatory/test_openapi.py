"""The API's description says what the API does: nothing is missing, nothing is invented.

Requests made of it, and their answers held against it: tests/faults/unbroken.py.
"""

import re

import httpx2
from drf_spectacular.validation import validate_schema

from observatory.openapi.document import document
from observatory.openapi.examples import EXAMPLES, FILLING
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
    assert set(answer.json()) == set(document()["components"]["schemas"]["StoredInteraction"]["properties"])


def test_the_document_is_served_to_everyone_and_kept_by_the_browser(web):
    answer = httpx2.get(f"{web}/api/schema")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["info"]["title"] == "Observatory"
    again = httpx2.get(f"{web}/api/schema", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
