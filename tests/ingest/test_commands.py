"""Commands: a project by its name, and a key that is printed once."""

import io
import subprocess
import sys

import httpx2
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ingest import timeline
from ingest.projects.access import project_for, projects_of, role_in
from ingest.projects.models import ApiKey, Project
from ingest.projects.provision import project_named
from ingest.projects.scope import project_scope
from tests.harness.installation import ROOT


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


def test_administrators_can_open_a_project_that_was_just_made():
    admin = User.objects.create_superuser("installer", password="x")
    gone = User.objects.create_superuser("gone", password="x", is_active=False)
    other = User.objects.create_user("somebody")
    slug = printed("create_project", "Opened at once").strip()
    try:
        assert role_in(admin, project_for(admin, slug)) == "owner"
        assert [slug in [found.slug for found in projects_of(user)] for user in (gone, other)] == [False, False]
    finally:
        User.objects.filter(username__in=["installer", "gone", "somebody"]).delete()


def test_a_person_is_let_in_and_given_another_role(project):
    said = printed("add_member", project.slug, "grace", "--email", "grace@example.com")
    person = User.objects.get(username="grace")
    assert said.startswith("grace is viewer of ")
    assert person.check_password(said.split()[-1])
    assert (person.email, role_in(person, project)) == ("grace@example.com", "viewer")
    assert printed("add_member", project.slug, "grace", "--role", "editor") == f"grace is editor of {project.name}\n"
    assert (User.objects.filter(username="grace").count(), role_in(person, project)) == (1, "editor")
    printed("add_member", project.slug, "grace", "--remove")
    assert role_in(person, project) == ""
    with pytest.raises(CommandError, match="grace is no member"):
        printed("add_member", project.slug, "grace", "--remove")


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


def test_a_key_of_a_projects_name_is_refused_with_its_slug(make_project):
    meant = make_project(f"Key Of {make_project().slug}")
    with pytest.raises(CommandError, match=f"it is the name of '{meant.slug}': give that slug"):
        printed("create_key", meant.name)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create_key", "no-such-project"), "no project has the slug"),
        (("create_key", "no-such-project", "--scopes", "all"), "no project has the slug"),
        (("create_project", "  "), "1 to 100 characters"),
        (("add_member", "no-such-project", "ada"), "no project has the slug"),
        (("create_project", "X", "--time-zone", "Mars/Base"), "unknown time zone"),
    ],
)
def test_what_cannot_be_is_one_clear_line(words, complaint):
    with pytest.raises(CommandError, match=complaint) as refused:
        printed(*words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["delete_project", "no-such-project"], "add --yes-delete no-such-project; nothing was deleted"),
        (["changepassword", "asked"], "changepassword asks at a terminal and got no answer"),
    ],
)
def test_a_command_that_asks_says_so_where_nobody_can_answer(installation, words, complaint):
    User.objects.get_or_create(username="asked")
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**installation.environment, "OBSERVATORY_ROLE": "jobs"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert complaint in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "email"), [("a b", ""), ("", ""), ("ada", "no address")])
def test_an_account_that_cannot_be_is_refused(project, name, email):
    with pytest.raises(CommandError):
        printed("add_member", project.slug, name, "--email", email)
    assert not User.objects.filter(username=name).exists()
