"""Deleting a project: every table forgets it, nobody else's rows are touched, its keys die at once."""

import io
import json
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from alerts.channels.email import folder_of
from alerts.management.commands import delete_project
from ingest import departure, timeline
from ingest.projects.models import Project
from observatory.metrics import roller
from tests import factories
from tests.harness.filling import fill_every_table
from tests.harness.twins import Twin, fingerprint
from tests.ingest.erased import count_all

RECEIPTS = "SELECT counts, finished_at FROM deleted_project WHERE slug = %s"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(delete_project, "KNOWN_EVERYWHERE", timedelta(0))


def deleted(slug: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("delete_project", slug, "--yes-delete", slug, stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def read(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_every_table_forgets_the_project_and_the_receipt_counts_what_it_had(
    project, member, make_project, post, key, web, monkeypatch
):
    other = make_project()
    for each in (project, other):
        factories.interactions(each, [{"at": timeline.now(), "feature": "a", "user_id": str(n)} for n in range(20)])
    post("interactions", {"feature": "a", "prompt": "p"})
    for each in (project, other):
        roller.roll(timeline.now(), only={each.id}, everything=True)
        fill_every_table(each, member)
    before, theirs = count_all(project), everything(other)
    assert [name for name, count in before.items() if not count] == []
    folder_of(project.id).mkdir(parents=True)
    monkeypatch.setattr(departure, "ROWS", 7)
    receipt = deleted(project.slug)
    assert receipt["deleted"] == before | {"project": 1}
    assert set(count_all(project).values()) == {0}
    assert not Project.objects.filter(pk=project.pk).exists()
    assert not folder_of(project.id).exists()
    assert everything(other) == theirs
    until = time.monotonic() + 5
    while httpx2.get(f"{web}/api/v1/metrics", headers={"x-api-key": key}).status_code == 200:
        assert time.monotonic() < until
        time.sleep(0.2)


def everything(project: Any) -> dict[str, str]:
    return fingerprint(Twin(project, "", project, ""))


def test_a_deletion_that_was_killed_is_gone_on_with_and_counts_everything(project, post, monkeypatch):
    post("interactions", [{"feature": "a", "user_id": str(n), "prompt": "p"} for n in range(30)])
    before = count_all(project)
    monkeypatch.setattr(departure, "ROWS", 7)
    first = departure.begin(project.slug, timeline.now())
    for batches, _ in enumerate(departure.empty(first)):
        if batches == 5:
            break
    assert 0 < sum(count_all(project).values()) < sum(before.values())
    receipt = deleted(project.slug)
    assert receipt["deleted"] == {name: count for name, count in before.items() if count} | {"project": 1}
    ((counts, finished_at),) = read(RECEIPTS, project.slug)
    assert finished_at is not None
    assert (json.loads(counts) if isinstance(counts, str) else counts) == receipt["deleted"]


def test_what_a_job_writes_at_the_last_moment_is_swept_up(project, post, monkeypatch):
    wait = departure.wait_for_jobs

    def with_a_late_job(*of_waiting: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO unmerged (project_id, level, facts, bucket) VALUES (%s, 1, 1, now())", [project.pk]
            )
        wait(*of_waiting)

    monkeypatch.setattr(departure, "wait_for_jobs", with_a_late_job)
    post("interactions", {"feature": "a"})
    assert deleted(project.slug)["deleted"]["unmerged"] == 1
    assert set(count_all(project).values()) == {0}


def test_no_table_hangs_on_a_project_only_through_another_table():
    query = """
        SELECT DISTINCT k.conrelid::regclass::text FROM pg_constraint k
        JOIN pg_attribute referred ON referred.attrelid = k.confrelid AND referred.attname = 'project_id'
        WHERE k.contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_attribute own WHERE own.attrelid = k.conrelid AND own.attname = 'project_id')
    """
    assert read(query) == []


@pytest.mark.parametrize("typed", ["", "yes", "another"])
def test_without_the_slug_typed_once_more_nothing_happens(project, post, typed, monkeypatch):
    post("interactions", {"feature": "a"})
    before = count_all(project)
    monkeypatch.setattr("builtins.input", lambda prompt: typed)
    with pytest.raises(CommandError, match=f"that is not the slug '{project.slug}'; nothing was deleted"):
        call_command("delete_project", project.slug)
    assert count_all(project) == before


def test_an_unknown_project_is_one_clear_line():
    with pytest.raises(CommandError, match="no project has the slug 'nobody'"):
        call_command("delete_project", "nobody", "--yes-delete", "nobody")


def killed_before_the_end(slug: str) -> None:
    """The project's own row is gone, the deletion is not finished."""
    with mock.patch.object(departure, "wait_for_jobs", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        deleted(slug)


def test_a_slug_that_was_made_anew_is_deleted_anew(project, make_project, post):
    post("interactions", {"feature": "a"})
    killed_before_the_end(project.slug)
    with connection.cursor() as cursor:  # what a job still wrote
        cursor.execute("INSERT INTO unmerged (project_id, level, facts, bucket) VALUES (%s, 1, 1, now())", [project.pk])
    other = make_project()
    Project.objects.filter(pk=other.pk).update(slug=project.slug)
    factories.interactions(other, [{"at": timeline.now(), "feature": "a"} for _ in range(3)])
    assert deleted(project.slug)["deleted"]["interaction"] == 3
    assert not Project.objects.filter(slug=project.slug).exists()
    assert set(count_all(project).values()) == set(count_all(other).values()) == {0}
    told = [
        (json.loads(counts) if isinstance(counts, str) else counts, at) for counts, at in read(RECEIPTS, project.slug)
    ]
    assert sorted((counts["interaction"], at is not None) for counts, at in told) == [(1, True), (3, True)]


def test_a_deletion_that_was_killed_at_its_end_is_finished_while_nobody_has_the_slug(project, post):
    post("interactions", {"feature": "a"})
    killed_before_the_end(project.slug)
    assert deleted(project.slug)["deleted"]["interaction"] == 1
    assert len(read(RECEIPTS, project.slug)) == 1


def test_the_doors_close_first_and_every_web_process_has_time_to_learn_of_it(project, member, post, monkeypatch):
    post("interactions", {"feature": "a"})
    monkeypatch.setattr(delete_project, "KNOWN_EVERYWHERE", timedelta(seconds=77))
    slept = []

    def sleep(seconds: float) -> None:
        there = count_all(project)
        slept.append((seconds, there["api_key"], there["membership"], there["interaction"]))

    monkeypatch.setattr(delete_project, "time", mock.Mock(sleep=sleep))
    deleted(project.slug)
    assert slept[0] == (77, 0, 0, 1)
