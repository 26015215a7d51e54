"""Asking for an erasure: over HTTP with the scope admin, and on the command line."""

import io
import json
import time
from datetime import timedelta

import httpx2
import pytest
from django.core.management import CommandError, call_command

from ingest import records, timeline
from ingest.erasure import receipts, run, tombstones
from tests.ingest.record import rows, take


@pytest.fixture
def ask(web, project, make_key):
    key = make_key(project, "ingest,admin")

    def send(method, user, key=key):
        return httpx2.request(method, f"{web}/api/v1/users/{user}", headers={"x-api-key": key})

    return send


def test_delete_is_taken_at_once_and_done_by_a_job_and_get_shows_the_receipt(project, ask, post, make_key, key):
    user, admin = "a user/with a slash", make_key(project, "ingest,admin")
    old = {"feature": "a", "user_id": user, "occurred_at": (timeline.now() - timedelta(hours=1)).isoformat()}
    assert post("interactions", [old, {**old, "user_id": "other"}]).json()["created"] == 2  # fills the web's cache
    assert ask("GET", user).status_code == 404
    answer = ask("DELETE", user)
    receipt = answer.json()
    assert (answer.status_code, receipt["state"], receipt["erased"]) == (202, "waiting", {})
    assert user not in answer.text
    until = time.monotonic() + tombstones.KEPT_SECONDS + 1
    while post("interactions", old, key=admin).status_code == 200:
        assert time.monotonic() < until
        time.sleep(0.25)
    refused = post("interactions", old)
    assert "this user was erased" in refused.json()["errors"][0]["expected"]
    run.run(timeline.now() + receipts.KNOWN_EVERYWHERE, only=[project.id], budget_s=None)
    assert ask("DELETE", user).json()["receipt"] == 2
    newest, first = ask("GET", user).json()["items"]
    assert (newest["state"], first["state"], first["receipt"]) == ("waiting", "done", receipt["receipt"])
    assert first["erased"]["interactions"] >= 1
    assert [row["user_id"] for row in rows(project, "interaction", "user_id")] == ["other"]


def test_the_same_id_in_another_project_is_another_user(project, make_project, ask):
    other = make_project()
    for each in (project, other):
        take(each, records.INTERACTIONS, {"feature": "a", "user_id": "u1"})
    assert ask("DELETE", "u1").status_code == 202
    run.run(timeline.now() + receipts.KNOWN_EVERYWHERE, only=[project.id, other.id], budget_s=None)
    assert (len(rows(project, "interaction")), len(rows(other, "interaction"))) == (0, 1)
    assert receipts.receipts(other.id, "u1") == []


def test_only_the_scope_admin_may_ask(ask, key):
    for method in ("DELETE", "GET"):
        assert ask(method, "u", key).status_code == 403
    assert ask("DELETE", "u", "obs_live_nobody").status_code == 401


def test_the_command_waits_and_prints_the_receipt(project, monkeypatch, capsys):
    monkeypatch.setattr(receipts, "KNOWN_EVERYWHERE", timedelta(seconds=0.5))
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": "maya", "prompt": "x"})
    out = io.StringIO()
    call_command("erase_user", project.slug, "maya", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["state"], told["requested_by"]) == ("done", "command")
    assert told["erased"] == {"interactions": 1, "texts": 1, "keys": 1}
    assert "maya" not in out.getvalue()


def test_a_user_of_whom_nothing_was_stored_is_no_success_in_silence(project, monkeypatch):
    monkeypatch.setattr(receipts, "KNOWN_EVERYWHERE", timedelta(0))
    take(project, records.INTERACTIONS, {"feature": "a", "user_id": "maya"})
    for user, told in (("amya", "Nothing was stored of this user."), ("maya", "")):
        err = io.StringIO()
        call_command("erase_user", project.slug, user, stdout=io.StringIO(), stderr=err)
        assert err.getvalue().strip() == told


def test_catching_up_tells_how_many_erasures_are_not_due_yet(project, make_project):
    for asked in (project, make_project()):
        receipts.request(asked.id, "maya", by="api", now=timeline.now())
    out = io.StringIO()
    call_command("catch_up", "--project", project.slug, stdout=out)
    assert "erase: 1 not due yet" in out.getvalue()
    receipts.request(project.id, "noah", by="api", now=timeline.now() - receipts.KNOWN_EVERYWHERE)
    assert run.waiting(timeline.now() + receipts.KNOWN_EVERYWHERE, [project.id]) == 0


def test_what_cannot_be_is_one_clear_line(project, no_secret):
    with pytest.raises(CommandError, match="no project has the slug"):
        call_command("erase_user", "no-such-project", "maya")
    with pytest.raises(CommandError, match="OBSERVATORY_SECRET_KEY is not set"):
        call_command("erase_user", project.slug, "maya")


@pytest.fixture
def no_secret(monkeypatch):
    from django.conf import settings

    monkeypatch.setattr(settings, "HAS_SECRET_KEY", False)
