"""The second wall around the record: the web's role sees and writes one project, whatever the code forgets."""

import re
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from ingest import records, storage, timeline
from ingest.digest import reader
from tests.ingest.record import one, rows, statuses, take

TABLES = [
    "interaction", "payload", "feedback", "verdict", "cost", "record_key", "dimension_value",
    "orphan", "dirty_bucket", "dirty_user", "change_event", "user_event", "figure", "price_override", "feature", "api_key",
    "unread", "uncopied", "usual_limit",
]  # fmt: skip


@pytest.fixture
def app(installation):
    with psycopg.connect(installation.server.urls.app) as connection:
        yield connection


def fill(project):
    take(
        project,
        records.INTERACTIONS,
        {"id": "i", "feature": "a", "prompt": "Where is the canary of this project, if you please?"},
    )
    take(project, records.FEEDBACK, [{"kind": "thumb", "value": "up", "interaction_id": one} for one in ("i", "later")])
    take(project, records.COSTS, {"component": "other", "amount_usd": 1})
    take(project, records.CHANGES, {"kind": "deploy", "title": "canary"})
    take(project, records.USERS, {"user_id": "canary", "event": "seen"})
    take(project, records.FIGURES, {"month": "2026-01", "name": "active_users", "value": 1})
    reader.read(timeline.now(), only=[project.id])
    take(project, records.INTERACTIONS, {"id": "unread", "feature": "a"})


def enter(app, project):
    app.execute("SELECT set_config('observatory.project', %s, true)", [str(project.id)])


@pytest.mark.parametrize("table", TABLES)
def test_without_a_project_the_web_sees_no_row(app, project, table):
    fill(project)
    assert app.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("table", [table for table in TABLES if table not in {"price_override", "api_key"}])
def test_inside_a_project_the_web_sees_that_one_only(app, project, make_project, table):
    fill(project)
    fill(make_project())
    enter(app, project)
    assert app.execute(f"SELECT array_agg(DISTINCT project_id) FROM {table}").fetchone() == ([project.id],)


def test_the_setting_ends_with_its_transaction(app, project):
    fill(project)
    enter(app, project)
    assert app.execute("SELECT count(*) FROM interaction").fetchone() == (2,)
    app.commit()
    assert app.execute("SELECT count(*) FROM interaction").fetchone() == (0,)


def test_the_web_cannot_write_into_another_project_nor_delete_from_the_record(app, project, make_project):
    enter(app, project)
    values = "(project_id, occurred_at, key, content) VALUES (%s, now(), '\\x01', '\\x02')"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(f"INSERT INTO record_key {values}", [make_project().id])
    app.rollback()
    enter(app, project)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("DELETE FROM interaction")


@pytest.fixture
def storing_as_app(app, monkeypatch):
    """Statements of the record go out as the web's role, on the connection that is given."""
    app.autocommit = True
    lent = SimpleNamespace(connection=app, ensure_connection=lambda: None)
    monkeypatch.setattr(storage, "connection", lent)
    return app


def test_interactions_are_stored_in_one_round_trip_whose_scope_ends_with_it(storing_as_app, project):
    assert statuses(take(project, records.INTERACTIONS, {"id": "i", "feature": "a"})) == ["created"]
    assert storing_as_app.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    assert storing_as_app.execute("SELECT current_setting('observatory.project', true)").fetchone() in {("",), (None,)}
    assert one(project, "interaction", "id") == {"id": "i"}


def test_without_its_scope_the_second_wall_refuses_the_statement(storing_as_app, project):
    honest = records.INTERACTIONS.statement
    unscoped = replace(honest, sql=re.sub(r"SELECT set_config\([^)]*\)", "SELECT 1", honest.sql))
    assert unscoped.sql != honest.sql
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        take(project, replace(records.INTERACTIONS, statement=unscoped), {"id": "i", "feature": "a"})
    assert rows(project, "interaction") == []


def test_one_projects_key_never_reads_another_projects_interaction(web, post, project, make_project, make_key):
    import httpx2

    post("interactions", {"id": "mine", "feature": "a", "prompt": "canary"})
    stranger = {"authorization": f"Bearer {make_key(make_project())}"}
    assert httpx2.get(f"{web}/api/v1/interactions/mine", headers=stranger).status_code == 404
    assert httpx2.get(f"{web}/api/v1/interactions", headers=stranger).json() == {"items": [], "next": None}


def test_nothing_is_stored_outside_a_scope():
    from ingest.models import Interaction
    from ingest.projects.access import NoProjectScope

    with pytest.raises(NoProjectScope):
        Interaction.objects.count()
