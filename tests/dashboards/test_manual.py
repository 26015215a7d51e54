"""The manual of the HTTP API: everything described is there, and nothing of anybody's project."""

import httpx2
import pytest

from dashboards import manual
from observatory.openapi.document import document
from tests.harness.matrix import signed_in


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"description": "a number ≥ 0", "type": "number"}, "a number ≥ 0"),
        ({"anyOf": [{"description": "an integer ≥ 0"}, {"type": "null"}]}, "an integer ≥ 0"),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}, "a string or a list, each an object"),
        ({"enum": ["up", "down"]}, "one of up, down"),
        ({"const": "thumb"}, "thumb"),
        ({"$ref": "#/components/schemas/Result"}, "a Result"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Result"}}, "a list, each a Result"),
        ({"type": ["string", "number"]}, "string or number"),
        ({}, "an anything"),
    ],
)  # fmt: skip
def test_a_schema_becomes_words(schema, words):
    assert manual.words_of(schema) == words


def test_every_operation_and_every_shape_has_its_place():
    told = document()
    operations = [one for chapter in manual.chapters(told) for one in chapter.operations]
    assert len(operations) == sum(map(len, told["paths"].values()))
    assert [shape.name for shape in manual.shapes(told)] == sorted(told["components"]["schemas"])
    named = {shape.name for shape in manual.shapes(told)}
    assert {name for one in operations for name in one.body} <= named
    (sending,) = [one for one in operations if one.id == "post_feedback"]
    assert "Thumb" in sending.body
    assert sending.scopes == ("ingest", "feedback")
    assert "$OBSERVATORY_KEY" in sending.curl


def test_everyone_may_read_it_and_members_find_their_way_to_the_keys(web, project, member):
    stranger = httpx2.get(f"{web}/api/docs/")
    assert stranger.status_code == 200
    assert project.slug not in stranger.text
    assert "post_interactions" in stranger.text
    own = signed_in(web, member.username, "correct horse").get("/api/docs/").text
    assert f"/{project.slug}/settings/keys/" in own


def test_no_key_stands_on_the_page(web, key, member):
    page = signed_in(web, member.username, "correct horse").get("/api/docs/").text
    assert key not in page
    assert key.split("_")[2] not in page
