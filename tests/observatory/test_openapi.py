"""The API's description says what the API does: nothing is missing, nothing is invented, and what it says may be sent
is taken without a 5xx.
"""

import re
from typing import Any

import httpx2
import pytest
import schemathesis
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from observatory.openapi.document import document
from observatory.openapi.examples import EXAMPLES
from tests.harness.doors import all_doors

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES_EACH = {GenerationMode.POSITIVE: 5, GenerationMode.NEGATIVE: 4}


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


@pytest.mark.parametrize("mode", list(EXAMPLES_EACH), ids=lambda mode: mode.value)
def test_what_the_description_allows_and_forbids_never_gives_a_5xx(web, project, make_key, mode):
    key = make_key(project, "ingest,read,admin")
    schema = schemathesis.openapi.from_url(f"{web}/api/schema")
    for found in schema.get_all_operations():
        try_out(found.ok(), mode, f"Bearer {key}")


def try_out(operation: Any, mode: GenerationMode, credentials: str) -> None:
    """Call one operation with generated requests and hold each answer against the description."""

    @settings(
        max_examples=EXAMPLES_EACH[mode],
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": credentials}, checks=CHECKS, timeout=20)

    call()
