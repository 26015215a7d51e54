"""Commands: a project by its name, and a key that is printed once."""

import io

import httpx2
import pytest
from django.core.management import CommandError, call_command

from ingest import timeline
from ingest.projects.models import ApiKey, Project
from ingest.projects.provision import project_named
from ingest.projects.scope import project_scope


def printed(*words):
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_project_is_made_once_by_its_name_and_its_slug_printed():
    name = "Café au lait & co"
    assert [printed("create_project", name) for _ in range(2)] == ["cafe-au-lait-co\n"] * 2
    assert Project.objects.filter(name=name).count() == 1


def test_names_with_one_slug_get_slugs_of_their_own():
    now = timeline.now()
    slugs = [project_named(name, now=now).slug for name in ("Same slug", "same-slug", "Same: slug", "?!")]
    assert slugs == ["same-slug", "same-slug-2", "same-slug-3", "project"]


def test_a_key_is_all_that_is_printed_and_only_its_hash_is_stored(project, web):
    text = printed("create_key", project.slug, "--scopes", "ingest,read", "--label", "laptop")
    key = text.strip()
    assert text == f"{key}\n"
    answer = httpx2.post(f"{web}/api/v1/interactions", json={"feature": "a"}, headers={"x-api-key": key})
    assert answer.json()["created"] == 1
    with project_scope(project.id):
        stored = ApiKey.objects.get(label="laptop")
    assert key.split("_")[3] not in repr(stored.__dict__)
    assert stored.scopes == "ingest,read"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create_key", "no-such-project"), "no project has the slug"),
        (("create_key", "no-such-project", "--scopes", "all"), "no project has the slug"),
        (("create_project", "  "), "1 to 100 characters"),
        (("create_project", "X", "--time-zone", "Mars/Base"), "unknown time zone"),
    ],
)
def test_what_cannot_be_is_one_clear_line(words, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        printed(*words)
    assert "\n" not in str(refused.value)
