"""The whole product on a database of its own, each part killed by its recorded process id and brought back.

Two ways to run it, one after the other on the same data: `start` runs web, workers and PostgreSQL as separate children,
as a container platform would, so that each can die alone; `up` runs `manage.py up`, where all live and die together.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from ingest.projects import keys
from observatory.embedded import attach, place, server
from observatory.embedded.processes import working_in
from observatory.embedded.secret import secret_key
from observatory.embedded.supervisor import CHILDREN
from tests.harness import memory, prepared
from tests.harness.installation import ROOT, free_port

WEB, DATABASE, BACKEND, JOBS_BACKEND, ALL = "web", "postgresql", "backend", "jobs backend", "all"
BACKENDS = {BACKEND: "app", JOBS_BACKEND: "jobs"}
"""Whose server process is killed."""
WORKERS = ("measure", "tell", "beat")
ANSWER_SECONDS = 60
Words = tuple[str, ...]


class Stack:
    """One installation. Make it, start it and kill it from the main thread: the database dies with its thread."""

    def __init__(self, folder: Path | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder or memory.enterable("observatory-faults-")
        self.data_dir = self.folder / "var"
        self.port = free_port()
        self.deaths: list[str] = []
        self.detours: dict[str, Mapping[str, str]] = {}  # variables of one part: another way to the database, say
        self._settings = dict(settings or {})
        self._table: dict[str, Words] = {name: tuple(words) for name, words in CHILDREN.items()}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._server: server.Server | None = None
        self._supervisor: subprocess.Popen[str] | None = None
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("DATABASE_", "OBSERVATORY_"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)  # each part starts often, and need not compile the product anew
        own = {"PORT": str(self.port), "OBSERVATORY_DATA_DIR": str(self.data_dir), "OBSERVATORY_LOG_LEVEL": "WARNING"}
        self.environment = {**kept, **own}

    def prepare(self) -> str:
        """Make and migrate the database; gives the first project's key."""
        prepared.copy_into(self.data_dir)
        self._revive_database()
        said = self.command("prepare", "--json").stdout
        return str(json.loads(said)["key"])

    def plant(self, *names: str) -> None:
        """Serve the web with planted bugs from its next start on; without a name, honestly again."""
        self._table[WEB] = ("tests.faults.planted", *names) if names else tuple(CHILDREN[WEB])

    def start(self, parts: Iterable[str] = (DATABASE, WEB, *WORKERS)) -> None:
        """Bring up every one of these parts that does not run; returns when the web answers."""
        self._bury()
        if DATABASE in parts and not (self._server and self._server.is_alive()):
            self._revive_database()
        for name in parts:
            if name in self._table and name not in self._children:
                self._children[name] = self._child(self._table[name], name)
        if WEB in parts:
            try:
                _wait_until(self._answers, ANSWER_SECONDS, "the web does not answer 200")
            except RuntimeError as error:
                raise RuntimeError(f"{error}: {(self.folder / 'web.log').read_text()[-2000:]}") from None

    def kill(self, what: str) -> None:
        """Send SIGKILL to one part, with what it started; to a backend of the web; or to all of it."""
        if what in BACKENDS:
            return self._kill_backend(BACKENDS[what])
        names = (WEB, *WORKERS, DATABASE) if what == ALL else (what,)
        pids = {name: self.pids(name) for name in names}
        for name in names:
            _kill(pids[name])
        for name in names:
            child = self._server.process if name == DATABASE and self._server else self._children.pop(name, None)
            if child is not None:
                child.wait(30)
        return None

    def pids(self, name: str) -> list[int]:
        """The process ids of a part: its own first, then those of the processes it started."""
        if name == DATABASE:
            return [self._server.pid] if self._server else []
        child = self._children.get(name)
        return [child.pid, *descendants(child.pid)] if child and child.poll() is None else []

    def halt(self, what: Iterable[str] = (WEB, *WORKERS)) -> None:
        """End parts politely."""
        ending = [self._children.pop(name) for name in what if name in self._children]
        for child in ending:
            child.terminate()
        for child in ending:
            child.wait(30)

    def sleep(self) -> None:
        """End all parts politely, the database last, or the supervisor with all that it runs."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.send_signal(signal.SIGINT)
            self._supervisor.wait(60)
        self.halt()
        if self._server:
            self._server.stop()
            self._server = None

    def up(self) -> list[str]:
        """Run `manage.py up`; gives what it said when its three closing lines are there. Raises RuntimeError."""
        said: list[str] = []
        with (self.folder / "up.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE,
                stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        assert self._supervisor.stdout is not None
        for line in self._supervisor.stdout:
            said.append(line.rstrip())
            if line.startswith("Next"):
                return said
        raise RuntimeError(f"manage.py up ended: {said}; {(self.folder / 'up.log').read_text()[-500:]}")

    def kill_all_supervisor_first(self) -> int:
        """SIGKILL the supervisor, then everything else of this installation; gives how many were killed."""
        assert self._supervisor is not None
        pids = self.processes()
        _kill([self._supervisor.pid])
        _kill(pid for pid in pids if pid != self._supervisor.pid)
        self._supervisor.wait(30)
        _wait_until(lambda: not self.processes(), 30, "something outlived its own kill -9")
        return len(pids)

    def processes(self) -> set[int]:
        """Everything that runs on this data directory, told by what it was started with."""
        mark = f"OBSERVATORY_DATA_DIR={self.data_dir}".encode()
        found = place.existing(self.data_dir)
        ours = working_in(found.cluster) if found else set()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    ours.add(int(entry.name))
            except OSError:
                continue
        return ours

    def enlist(self, name: str, *words: str) -> None:
        """Have one more part, which `start`, `kill` and `halt` take like any other: a Python module and its arguments."""
        self._table[name] = words

    def dismiss(self, *names: str) -> None:
        """End parts that were enlisted, and forget them."""
        self.halt(names)
        for name in names:
            del self._table[name]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside it. Raises RuntimeError with what it complained of."""
        return self._run("manage.py", *words)

    def module(self, *words: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a Python module beside it. Raises RuntimeError with what it complained of, unless it may fail."""
        return self._run("-m", *words, may_fail=may_fail)

    def _run(self, *words: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode and not may_fail:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-1000:]}")
        return done

    @property
    def urls(self) -> server.Urls:
        """How to reach the database."""
        found = place.existing(self.data_dir)
        assert found is not None
        return server.urls(found, server.saved_passwords(found))

    @property
    def superuser_url(self) -> str:
        """How to reach the database as its superuser, for what no role of the product may do."""
        found = place.existing(self.data_dir)
        assert found is not None
        return server.Server(found, server.saved_passwords(found), None).superuser_url

    def new_key(self, scopes: str = "ingest,read") -> str:
        """Make a fresh project; gives its key."""
        with psycopg.connect(self.urls.jobs) as connection:
            return new_project(connection, scopes)[1]

    def collisions(self) -> int:
        """How often the web has told of two transactions that stood in each other's way, retried or not."""
        return (self.folder / f"{WEB}.log").read_text().count("40P01")

    def project_of(self, key: str) -> int:
        """The id of a key's project."""
        with psycopg.connect(self.urls.jobs) as connection:
            row = connection.execute("SELECT project_id FROM api_key WHERE public = %s", [key.split("_")[2]]).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """End everything and remove the data."""
        self.sleep()
        shutil.rmtree((self.data_dir / "database").resolve(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _revive_database(self) -> None:
        self._server = server.start(self.data_dir, extra_settings=self._settings)

    def _child(self, words: Words, name: str) -> subprocess.Popen[bytes]:
        found = place.existing(self.data_dir)
        assert found is not None
        key = {"OBSERVATORY_SECRET_KEY": secret_key(self.data_dir)}
        environment = {**self.environment, **key, **attach.variables(found, self.data_dir)}
        environment.pop("DATABASE_OWNER_URL")
        environment |= self.detours.get(name, {})
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _kill_backend(self, role: str) -> None:
        """Kill a server process that works for a role: PostgreSQL then ends all sessions and recovers by itself."""
        with connected(getattr(self.urls, role)) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend' ORDER BY state_change DESC NULLS LAST LIMIT 1"
            ).fetchone()
        _kill([row[0]] if row else [])

    def _bury(self) -> None:
        """Forget children that ended by themselves, and note it: a part should outlive the death of its neighbours."""
        for name, child in list(self._children.items()):
            if child.poll() is not None:
                self.deaths.append(f"{name} ended by itself with {child.returncode}")
                del self._children[name]

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status_code == 200
        except httpx2.TransportError:
            if self._children[WEB].poll() is not None:
                raise RuntimeError(f"the web ended: {(self.folder / 'web.log').read_text()[-2000:]}") from None
            return False


def connected(url: str) -> "psycopg.Connection[Any]":
    """A connection that commits each statement; waits while the server recovers from the death of one of its processes."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return psycopg.connect(url, autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def new_project(connection: "psycopg.Connection[Any]", scopes: str = "ingest,read") -> tuple[int, str]:
    """Make a project with a key by a connection of the jobs role; gives its id and the key."""
    key = keys.make("test")
    row = connection.execute(
        "WITH p AS (INSERT INTO project (slug, name, description, time_zone, created_at, text_policy, text_days,"
        " raw_days, cors_origins) VALUES (%(public)s, %(public)s, '', 'UTC', %(now)s, 'full', 180, 400, '') RETURNING id)"
        " INSERT INTO api_key (project_id, public, key_hash, scopes, label, created_at)"
        " SELECT id, %(public)s, %(hash)s, %(scopes)s, '', %(now)s FROM p RETURNING project_id",
        {"public": key.public, "hash": key.key_hash, "scopes": scopes, "now": datetime.now(UTC)},
    ).fetchone()
    assert row is not None
    return int(row[0]), key.text


def descendants(pid: int) -> list[int]:
    """The ids of the processes that a process started, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _wait_until(holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{otherwise} within {seconds:g} s")
        time.sleep(0.05)
