"""A backup of the running product, restored into a second installation that is empty: whole, quiet, and usable."""

import json
import shutil
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from django.core.management import CommandError, call_command

from alerts import quiet
from alerts.models import AlertRule
from ingest import timeline
from observatory.env import Environment
from observatory.management.commands.backup import environment_settings
from observatory.safekeeping import backup, programs, restore, tables
from observatory.safekeeping import manifest as manifests
from observatory.safekeeping.manifest import Unusable
from tests.architecture.test_documentation import variables_read
from tests.harness.installation import Installation


def counted(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        return tables.counts(connection)


def ask(url: str, query: str, *parameters: Any) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query, parameters).fetchall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups") / "first"


@pytest.fixture(scope="module")
def first() -> Iterator[Installation]:
    """One of its own: in the session's there are hundreds of projects, and a restore verifies them all."""
    made = Installation()
    yield made
    made.close()


@pytest.fixture(scope="module")
def second() -> Iterator[Installation]:
    made = Installation(is_empty=True)
    yield made
    made.close()


def test_from_a_running_product_through_a_backup_into_an_empty_installation(first, second, folder):
    """One story rather than many tests: each step needs the one before, and an installation costs seconds."""
    calls = [
        {"feature": "a", "id": str(n), "user_id": f"u{n % 5}", "prompt": "é" * n, "latency_ms": n} for n in range(50)
    ]
    thumbs = [{"kind": "thumb", "value": "up", "interaction_id": str(n)} for n in range(20)]
    key = json.loads(first.command("prepare", "--json").stdout)["key"]
    with httpx2.Client(base_url=first.web(), headers={"x-api-key": key}, timeout=20) as client:
        assert client.post("/api/v1/interactions", json=calls).json()["created"] == 50
        assert client.post("/api/v1/feedback", json=thumbs).json()["created"] == 20
    for words in (("catch_up",), ("shell", "--no-imports", "-c", SOMETHING_TO_TELL)):
        done = first.command(*words)
        assert done.returncode == 0, done.stderr

    saved = first.command("backup", str(folder))
    assert saved.returncode == 0, saved.stderr
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        ("database.dump", "manifest.json", "secrets.json"), 0o600
    )
    told, here = manifests.read(folder).tables, counted(first.server.urls.owner)
    assert {name for name in here if told[name] != here[name]} <= {"public.liveness"}  # the web lives on
    second.environment["OBSERVATORY_SECRET_KEY"] = first.environment["OBSERVATORY_SECRET_KEY"]
    done = second.command("restore", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 messages dropped" in done.stdout
    assert "0 differing of" in done.stdout
    assert "Traceback" not in done.stderr
    urls = second.server.urls
    with pytest.raises(Unusable, match="The database is not empty"):
        restore.check_empty(urls.owner)
    assert counted(urls.owner) == told
    _is_quiet(urls.jobs)
    _is_walled(first.server.urls.owner, urls.owner)
    _is_usable(second, key)


SOMETHING_TO_TELL = """
from alerts.models import AlertRule, Delivery, Incident, Recipient, RuleState
from ingest import timeline
from ingest.projects.models import Project
from ingest.projects.scope import project_scope

now = timeline.now()
with project_scope(Project.objects.get().pk):
    rule = AlertRule.objects.create(
        name="r", metric="error_rate", scope="project", warning=0.1, window_minutes=15, every_minutes=5,
        active_from=now, created_at=now,
    )
    RuleState.objects.create(
        rule=rule, state="critical", judged_to=now - timeline.HOUR, due_at=now, incident_severity="critical"
    )
    incident = Incident.objects.create(
        rule=rule, severity="critical", peak_severity="critical", since=now, opened_at=now, window_start=now,
        window_end=now,
    )
    recipient = Recipient.objects.create(email="on-call@example.org", created_at=now)
    Delivery.objects.create(
        message_id="msg_1", kind="opened", incident=incident, recipient=recipient, content={}, created_at=now,
        next_attempt_at=now,
    )
"""


def _is_quiet(url: str) -> None:
    """Nothing waits to be told, no rule judges a window that is not wholly after the restore; the incident stands."""
    assert ask(url, "SELECT state, last_error FROM delivery WHERE incident_id IS NOT NULL") == [
        ("dropped", quiet.REASON)
    ]
    ((judged_to, due_at),) = ask(url, "SELECT judged_to, due_at FROM rule_state WHERE state = 'critical'")
    assert timeline.now() < judged_to < due_at
    assert ask(url, "SELECT count(*) FROM incident WHERE resolved_at IS NULL") == [(1,)]


OF_RELATIONS = ("relacl", "CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END", "relowner")
OF_FUNCTIONS, OF_SCHEMAS = ("proacl", "'f'", "proowner"), ("nspacl", "'n'", "nspowner")


def acl(column: str, kind: str, owner: str) -> str:
    """SQL of who may do what, in one order and with the rights that nobody has spelled out."""
    return f"""(SELECT array_agg(a::text ORDER BY a::text)
                FROM unnest(coalesce({column}, acldefault(({kind})::"char", {owner}))) a)"""


OURS = "IN ('public', 'partitions', 'pgmq')"
FACTS = {
    "rights": f"""
        SELECT n.nspname, c.relname, c.relkind, c.relowner::regrole::text, c.relrowsecurity, c.relforcerowsecurity,
               {acl(*OF_RELATIONS)}
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname {OURS} ORDER BY 1, 2
    """,
    "policies": """
        SELECT schemaname, tablename, policyname, roles::text, qual, with_check FROM pg_policies ORDER BY 1, 2, 3
    """,
    "functions": f"""
        SELECT p.oid::regprocedure::text, p.proowner::regrole::text, p.prosecdef, p.proconfig::text, md5(p.prosrc),
               {acl(*OF_FUNCTIONS)}
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname {OURS} ORDER BY 1
    """,
    "schemas": f"""
        SELECT nspname, nspowner::regrole::text, {acl(*OF_SCHEMAS)} FROM pg_namespace WHERE nspname {OURS} ORDER BY 1
    """,
    "defaults": """
        SELECT defaclnamespace::regnamespace::text, defaclobjtype, defaclrole::regrole::text, defaclacl::text
        FROM pg_default_acl ORDER BY 1, 2
    """,
    "sequences": "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
    "indexes": f"SELECT schemaname, indexname, indexdef FROM pg_indexes WHERE schemaname {OURS} ORDER BY 1, 2",
    "partitions": "SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits ORDER BY 1, 2",
}


def _is_walled(first: str, second: str) -> None:
    """Owners, rights, policies, functions, queues and sequences are what they were."""
    for name, query in FACTS.items():
        found = ask(first, query)
        assert found, name
        assert ask(second, query) == found, name


def _is_usable(second: Installation, key: str) -> None:
    """Keys work, retries are known, new rows find room."""
    with httpx2.Client(base_url=second.web(), headers={"x-api-key": key}, timeout=20) as client:
        assert client.get("/api/v1/interactions/7").json()["prompt"] == "é" * 7
        again = client.post(
            "/api/v1/interactions",
            json={"feature": "a", "id": "7", "user_id": "u2", "prompt": "é" * 7, "latency_ms": 7},
        )
        assert again.json()["duplicates"] == 1
        assert client.post("/api/v1/interactions", json={"feature": "new", "id": "new"}).json()["created"] == 1
        assert client.post("/api/v1/changes", json={"kind": "deploy", "title": "t"}).json()["created"] == 1


@pytest.fixture
def copy(folder, tmp_path):
    """The backup of the story above, to be spoiled."""
    shutil.copytree(folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_damaged_file_is_noticed(copy):
    whole = manifests.read(copy)
    manifests.check_files(whole, copy)
    with (copy / "database.dump").open("ab") as dump:
        dump.write(b"x")
    with pytest.raises(Unusable, match=r"database\.dump is damaged"):
        manifests.check_files(whole, copy)
    (copy / "secrets.json").unlink()
    with pytest.raises(Unusable, match=r"(damaged|secrets\.json is missing)"):
        manifests.check_files(whole, copy)


def test_a_backup_without_its_manifest_is_none(copy):
    (copy / "manifest.json").unlink()
    with pytest.raises(CommandError, match="not a backup, or one that was not finished"):
        call_command("restore", str(copy))


def test_a_backup_of_a_newer_version_is_refused(copy):
    newer = manifests.read(copy)
    newer.migrations.append("ingest.9999_from_the_future")
    (copy / "manifest.json").write_text(newer.as_json())
    with pytest.raises(CommandError, match=r"this version does not know \(ingest.9999_from_the_future\)"):
        call_command("restore", str(copy))


def test_another_secret_key_is_refused(folder, tmp_path, monkeypatch):
    with pytest.raises(Unusable, match="OBSERVATORY_SECRET_KEY is not the secret key of the backup"):
        restore.check_secret("saved", "given", tmp_path)
    (tmp_path / "secret.key").write_text("kept\n")
    with pytest.raises(Unusable, match=r"secret\.key is not the secret key of the backup"):
        restore.check_secret("saved", "", tmp_path)
    restore.check_secret("kept", "", tmp_path)
    restore.check_secret("kept", "kept", tmp_path)


def test_the_saved_secret_key_is_kept_where_the_product_looks_for_it_and_none_is_replaced(tmp_path):
    restore.keep_secret("saved", tmp_path / "var")
    restore.keep_secret("another", tmp_path / "var")
    assert (tmp_path / "var/secret.key").read_text() == "saved"


def test_rows_that_are_missing_are_named():
    saved = manifests.Manifest("1", "", "", [], {"public.a": 3, "public.b": 1}, {})
    assert manifests.differing(saved, {"public.a": 2, "public.c": 1}) == [
        "public.a: 3 saved, 2 found", "public.b: 1 saved, None found", "public.c: None saved, 1 found",
    ]  # fmt: skip


def test_a_folder_that_holds_something_is_left_alone_and_a_failed_backup_leaves_nothing(tmp_path, installation):
    secrets = backup.Secrets("s", {})
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(Unusable, match="exists and is not empty"):
        backup.make(tmp_path / "full", installation.server.urls.owner, secrets, product="1", now=timeline.now())
    with pytest.raises(programs.NoProgram, match=r"pg_dump failed: .*permission denied"):
        backup.make(tmp_path / "new", installation.server.urls.app, secrets, product="1", now=timeline.now())
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_settings_are_saved_by_name_without_secrets_that_have_their_own_place_or_are_not_the_servers(tmp_path):
    (tmp_path / "mail").write_text("smtp://u:p@h\n")
    given = {
        "EMAIL_URL_FILE": str(tmp_path / "mail"),
        "OBSERVATORY_MAIL_FROM": "a@b.c",
        "OBSERVATORY_SECRET_KEY": "s",
        "DATABASE_URL": "postgresql://u:p@h/n",
        "OBSERVATORY_KEY": "obs_live_x",
        "OBSERVATORY_KEY_FILE": "/nowhere",
    }
    assert environment_settings(Environment(given)) == {"EMAIL_URL": "smtp://u:p@h", "OBSERVATORY_MAIL_FROM": "a@b.c"}


def test_every_setting_is_kept_or_belongs_to_one_machine():
    machine = {"OBSERVATORY_SECRET_KEY", "OBSERVATORY_ROLE", "OBSERVATORY_DATA_DIR"}
    machine |= {"DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"}
    assert set(backup.KEPT_SETTINGS) == variables_read() - machine


def test_only_settings_are_said_to_differ():
    saved = {"PORT": "1", "EMAIL_URL": "folder://", "OBSERVATORY_KEY": "obs_live_x"}
    assert restore.changed_settings(saved, {"PORT": "2", "EMAIL_URL": "folder://"}) == ["PORT"]


@pytest.mark.parametrize(("minutes", "hours"), [(15, 0.25), (1440, 24), (7 * 1440, 0), (30 * 1440, 0)])
def test_windows_of_up_to_a_day_are_judged_when_they_lie_wholly_after_a_restore(minutes, hours):
    at = timeline.now()
    assert quiet.judged_from(AlertRule(window_minutes=minutes), at) == at + timedelta(hours=hours)


def test_a_program_older_than_the_server_is_not_used(tmp_path, monkeypatch):
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.4'\n")
    old.chmod(0o755)
    monkeypatch.setattr(programs, "_candidates", lambda name: iter([old]))
    assert programs.found("pg_dump", 15) == old
    with pytest.raises(
        programs.NoProgram, match=r"PostgreSQL 18, which needs a pg_dump .* found only .*pg_dump \(15\)"
    ):
        programs.found("pg_dump", 18)


def test_passwords_stay_out_of_the_process_list():
    door = programs.Door.of("postgresql://me:secret@/db?host=/run/a%20folder")
    assert door.password == "secret"
    assert "secret" not in door.conninfo
    assert "user=me" in door.conninfo
