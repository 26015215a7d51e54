"""The built-in PostgreSQL: made, attached to, recovered, and never in anybody's way."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from observatory.embedded import attach, place, server
from observatory.embedded.errors import EmbeddedError
from observatory.embedded.processes import working_in
from tests.harness import memory

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("observatory_owner", "observatory_app", "observatory_jobs", "observatory_definer")
STARTER = """
import sys, time
from pathlib import Path
from observatory.embedded.server import start
print(start(Path(sys.argv[1])).data_dir, flush=True)
time.sleep(60)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes user")


@pytest.fixture(scope="module")
def running() -> Iterator[server.Server]:
    """One server for the tests that only ask."""
    folder = memory.enterable("embedded-")
    found = server.start(folder / "var")
    yield found
    found.discard()
    shutil.rmtree(folder)


@pytest.fixture
def start(enterable: Path) -> Iterator[Callable[..., server.Server]]:
    """Start servers that are discarded with the test."""
    started: list[server.Server] = []

    def begin(data_dir: Path = enterable / "var") -> server.Server:
        started.append(server.start(data_dir, extra_settings={"fsync": "off"}))
        return started[-1]

    yield begin
    for one in started:
        one.discard()


def ask(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def wait_until(holds: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_each_login_role_has_its_own_url(running):
    for role, url in zip(ROLES, (running.urls.owner, running.urls.app, running.urls.jobs), strict=False):
        assert ask(url, "SELECT current_user, current_database()") == [(role, "observatory")]


def test_nobody_enters_without_the_password(running):
    for url in (running.urls.app, running.superuser_url):
        password = psycopg.conninfo.conninfo_to_dict(url)["password"]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace(str(password), "guess"))


def test_no_role_is_above_the_walls(running):
    above = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
    found = ask(running.superuser_url, f"SELECT rolname, rolcanlogin, {above} FROM pg_roles WHERE rolname LIKE 'obs%'")
    assert sorted(found) == sorted((role, role != "observatory_definer", False) for role in ROLES)


def test_owner_is_a_member_of_definer_and_never_the_reverse(running):
    members = "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members WHERE roleid >= 16384"
    assert ask(running.superuser_url, members) == [("observatory_definer", "observatory_owner")]


@pytest.mark.parametrize("role", ["app", "jobs"])
@pytest.mark.parametrize("order", ["CREATE TABLE mine ()", "CREATE SCHEMA mine"])
def test_web_and_jobs_make_nothing(running, role, order):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(getattr(running.urls, role), order)


def test_owner_can_hand_tables_and_schemas_to_definer(running):
    ask(
        running.urls.owner,
        """CREATE SCHEMA pieces AUTHORIZATION observatory_definer;
           CREATE TABLE whole (); ALTER TABLE whole OWNER TO observatory_definer;
           CREATE TABLE pieces.part (); ALTER TABLE pieces.part OWNER TO observatory_definer;
           DROP SCHEMA pieces CASCADE; DROP TABLE whole""",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous_commit", "on"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("max_wal_size", "4GB"),
        ("shared_buffers", "64MB"),
        ("jit", "off"),
        ("io_method", "sync"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("data_checksums", "on"),
        ("data_directory_mode", "0700"),
    ],
)
def test_what_durability_rests_on_is_pinned(running, name, value):
    assert ask(running.superuser_url, f"SELECT current_setting('{name}')") == [(value,)]


def test_secrets_and_data_are_private(running):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in running.data_dir.parent.iterdir()}
    assert (modes["passwords.json"], modes["postgres"], modes["run"]) == (0o600, 0o700, 0o700)


def test_one_more_database_has_the_same_rights(running):
    urls = running.create_database("another")
    ask(urls.owner, "CREATE TABLE made (); DROP TABLE made")
    assert ask(urls.jobs, "SELECT current_database()") == [("another",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(urls.app, "CREATE TABLE t ()")


def test_the_roles_file_serves_a_creator_who_is_no_superuser_and_runs_twice(running):
    """As on a managed server: the roles are made by a role with CREATEROLE that owns its database."""
    roles = ", ".join(ROLES)
    drop = f"DROP OWNED BY {roles}; DROP DATABASE another WITH (FORCE); ALTER DATABASE observatory OWNER TO postgres"
    with suppress(psycopg.errors.InvalidCatalogName):
        for order in drop.split("; "):
            ask(running.superuser_url, order)
    ask(running.superuser_url, f"DROP OWNED BY {roles}")
    ask(running.superuser_url, f"DROP ROLE {roles}")
    ask(running.superuser_url, "CREATE ROLE clerk LOGIN CREATEROLE CREATEDB PASSWORD 'clerk'")
    ask(running.superuser_url, "CREATE DATABASE managed OWNER clerk")
    url = f"postgresql://clerk:clerk@/managed?host={running.place.run}"
    for _ in range(2):
        with psycopg.connect(url) as connection:
            connection.execute(Path(server.__file__).with_name("roles.sql").read_bytes())
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'managed'"
    assert ask(url, owner) == [("observatory_owner",)]
    rights = """SELECT has_schema_privilege('observatory_definer', 'public', 'CREATE'),
                       has_database_privilege('observatory_app', 'managed', 'TEMP')"""
    assert ask(url, rights) == [(True, False)]


def test_a_second_start_attaches_and_its_stop_leaves_the_server(start):
    first = start()
    second = start()
    assert (first.attached, second.attached, second.pid) == (False, True, first.pid)
    second.stop()
    assert ask(first.urls.app, "SELECT 1") == [(1,)]


def test_stop_is_clean_and_waits(start):
    first = start()
    with psycopg.connect(first.urls.app):
        first.stop()
    assert working_in(first.data_dir) == set()
    assert not (first.data_dir / "postmaster.pid").exists()


def test_after_kill_9_with_a_strangers_number_in_the_lock_files_everything_committed_is_there(start):
    first = start()
    ask(first.urls.owner, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.process.kill()
    first.process.wait()
    stranger = subprocess.Popen(["sleep", "60"], user=first.place.account.user)
    try:
        for lock in (first.data_dir / "postmaster.pid", first.place.run / f"{place.SOCKET_NAME}.lock"):
            lock.write_text("\n".join([str(stranger.pid), *lock.read_text().split("\n")[1:]]))
        second = start()
        assert (second.attached, ask(second.urls.owner, "SELECT answer FROM kept")) == (False, [(42,)])
    finally:
        stranger.kill()
        stranger.wait()


def test_the_lock_file_stays_while_a_process_works_in_the_folder(start, monkeypatch):
    first = start()
    first.stop()
    lock = first.data_dir / "postmaster.pid"
    lock.write_text("1\n")
    monkeypatch.setattr(server, "LEFTOVER_SECONDS", 0.3)
    guest = subprocess.Popen(["sleep", "60"], cwd=first.data_dir)
    try:
        with pytest.raises(EmbeddedError, match=f"still hold .*: {guest.pid}"):
            start()
        assert lock.exists()
    finally:
        guest.kill()
        guest.wait()


@as_root
def test_under_a_folder_that_others_cannot_enter_the_data_lies_elsewhere(start, tmp_path):
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    found = start(hidden / "var")
    assert place.STATE in found.data_dir.parents
    assert (hidden / "var" / "database").resolve() == found.data_dir.parent
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
    assert found.data_dir.stat().st_uid != 0


@as_root
def test_under_folders_that_all_may_enter_the_data_lies_in_the_data_folder_and_stays_there():
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        data_dir = Path(made) / "var"
        assert place.settle(data_dir).home == data_dir / "database"
        Path(made).chmod(0o700)
        assert place.settle(data_dir).home == data_dir / "database"


@as_root
def test_programs_that_the_account_cannot_reach_are_copied_whole(tmp_path, monkeypatch):
    origin = place.binaries(place.Account()).parents[2]
    monkeypatch.setattr(place, "STATE", tmp_path / "state")
    place._copy_programs(origin, tmp_path / "state" / "copy")
    psql = tmp_path / "state/copy" / place.WHEEL / "pginstall18/bin/psql"
    done = subprocess.run([psql, "--version"], capture_output=True, env={}, check=True)
    assert b"18" in done.stdout
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["copy"]
    closed = [path for path in (tmp_path / "state/copy").rglob("*") if not path.stat().st_mode & stat.S_IROTH]
    assert closed == []


def test_a_very_long_path_with_spaces_gets_a_short_socket(start, enterable):
    found = start(enterable / ("a long name " * 15).strip() / "var")
    assert len(str(found.place.run / place.SOCKET_NAME)) <= place.LONGEST_SOCKET_PATH
    assert ask(found.urls.app, "SELECT 1") == [(1,)]


def test_a_socket_folder_prepared_by_somebody_else_is_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for trap in ("open", "link"):
        with pytest.raises(EmbeddedError, match="not a private folder"):
            place.private_folder(tmp_path / trap, place.Account())


def test_the_server_goes_when_its_starter_is_killed(enterable):
    starter = subprocess.Popen([sys.executable, "-c", STARTER, enterable / "var"], cwd=ROOT, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    cluster = Path(starter.stdout.readline().decode().strip())
    assert working_in(cluster)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    wait_until(lambda: not working_in(cluster))
    starter.stdout.close()
    shutil.rmtree(cluster.parent)


def test_commands_find_the_running_database(start, enterable):
    with pytest.raises(
        attach.NotRunning, match=r"not running: start it with make up.* set OBSERVATORY_DATA_DIR\.$"
    ) as never:
        attach.environment(enterable / "var")
    found = start()
    names = attach.environment(enterable / "var")
    assert (names["DATABASE_URL"], names["DATABASE_OWNER_URL"]) == (found.urls.app, found.urls.owner)
    found.stop()
    with pytest.raises(attach.NotRunning) as asleep:
        attach.environment(enterable / "var")
    assert "\n" not in str(never.value) + str(asleep.value)


def test_lost_or_changed_passwords_are_one_clear_line(start):
    found = start()
    known = json.loads(found.place.passwords.read_text())
    found.place.passwords.write_text(json.dumps({**known, "postgres": "other"}))
    with pytest.raises(EmbeddedError, match="does not accept the passwords"):
        start()
    found.place.passwords.unlink()
    with pytest.raises(EmbeddedError, match="are gone"):
        start()


def test_why_the_server_refused_is_told(start, monkeypatch):
    monkeypatch.setitem(server.SETTINGS, "shared_buffers", "many")
    with pytest.raises(EmbeddedError, match=r'stopped while starting: .*FATAL.*"shared_buffers": "many"'):
        start()
