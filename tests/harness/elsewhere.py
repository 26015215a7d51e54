"""Servers as an operator would have them: a plain PostgreSQL with TCP and scram, a Redis or Valkey with a password.

Real ones, found on this machine or installed by tests/servers_setup.sh; they die with the process that starts them.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from observatory.embedded.place import WHEEL, Account, is_enterable
from observatory.embedded.processes import bound_to_parent
from tests.harness import memory
from tests.harness.installation import ROOT, free_port

ACCOUNT = "nobody"
ROLES_SQL = ROOT / "observatory/embedded/roles.sql"
LOGINS = {"DATABASE_URL": "app", "DATABASE_JOBS_URL": "jobs", "DATABASE_OWNER_URL": "owner"}
START_SECONDS = 30


def postgres_of(major: int) -> Path | None:
    """The folder of a PostgreSQL's programs: Debian's, or the one of version 16 that the built-in one's package has."""
    debian = Path(f"/usr/lib/postgresql/{major}/bin")
    if (debian / "initdb").exists():
        return debian
    spec = find_spec(WHEEL)
    if major != 16 or spec is None or not spec.submodule_search_locations:
        return None
    inside = Path(next(iter(spec.submodule_search_locations))) / "pginstall/bin"
    return inside if (inside / "initdb").exists() else None


def redis_program() -> str | None:
    """Valkey's server, or Redis's."""
    return shutil.which("valkey-server") or shutil.which("redis-server")


def skip_loudly(what: str) -> None:
    """Skip a test with a line that nobody overlooks."""
    pytest.skip(f"NO {what} HERE, AND NONE COULD BE INSTALLED (tests/servers_setup.sh): NOT TESTED")


class PostgreSQL:
    """A plain server in a temporary folder, in which `dba`, who is no superuser, has made the database."""

    def __init__(self, programs: Path) -> None:
        self.folder = memory.enterable("observatory-elsewhere-")
        self.port = free_port()
        self._account = _account()
        self._programs = self._enterable(programs)
        self._passwords = {role: secrets.token_urlsafe(16) for role in ("postgres", "dba", *LOGINS.values())}
        self._process = self._start()
        try:
            self._make_database()
        except BaseException:
            self.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """The three URLs."""
        return {name: self._url(f"observatory_{login}", self._passwords[login]) for name, login in LOGINS.items()}

    def ask(self, question: str) -> str:
        """The first value that a question asked as superuser gives, as text."""
        with psycopg.connect(self._url("postgres", self._passwords["postgres"], "postgres")) as connection:
            row = connection.execute(question).fetchone()
        return str(row[0]) if row else ""

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _enterable(self, programs: Path) -> Path:
        """The programs where the server's account can run them: copied, if need be, with the libraries beside them."""
        if self._account.user is None or is_enterable(programs, self._account):
            return programs
        package = programs.parents[1]
        copy = self.folder / "programs"
        for part in (package / programs.parent.name, package.with_name(f"{package.name}.libs")):
            shutil.copytree(
                part, copy / part.relative_to(package.parent), ignore=shutil.ignore_patterns("*.a", "include")
            )
        subprocess.run(["chmod", "-R", "go+rX", str(copy)], check=True)
        return copy / programs.relative_to(package.parent)

    def _start(self) -> "subprocess.Popen[bytes]":
        cluster, secret = self.folder / "cluster", self.folder / "password"
        secret.write_text(self._passwords["postgres"])
        for path in (self.folder, secret):
            self._account.owns(path)
        options = ["-U", "postgres", "--pwfile", str(secret), "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]
        self._as_account([str(self._programs / "initdb"), "-D", str(cluster), *options]).wait(60)
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        process = self._as_account([str(self._programs / "postgres"), "-D", str(cluster), *words])
        try:
            _until(lambda: bool(self.ask("SELECT 1")), psycopg.OperationalError)
        except BaseException:
            process.kill()
            raise
        return process

    def _as_account(self, words: list[str]) -> "subprocess.Popen[bytes]":
        account = self._account
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                words,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                cwd="/",
                stdout=log,
                stderr=log,
                preexec_fn=bound_to_parent(signal.SIGINT),  # noqa: PLW1509 (one system call, no locks)
            )

    def _make_database(self) -> None:
        """Do what docs/how-to/growing.md says, as an administrator who is no superuser."""
        with psycopg.connect(self._url("postgres", self._passwords["postgres"], "postgres"), autocommit=True) as server:
            order = sql.SQL("CREATE ROLE dba LOGIN CREATEROLE CREATEDB PASSWORD {}")
            server.execute(order.format(sql.Literal(self._passwords["dba"])))
        with psycopg.connect(self._url("dba", self._passwords["dba"], "postgres"), autocommit=True) as dba:
            dba.execute("CREATE DATABASE observatory")
        with psycopg.connect(self._url("dba", self._passwords["dba"])) as dba:
            dba.execute(ROLES_SQL.read_bytes())
            for login in LOGINS.values():
                role, password = sql.Identifier(f"observatory_{login}"), sql.Literal(self._passwords[login])
                dba.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))

    def _url(self, role: str, password: str, database: str = "observatory") -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"


class Redis:
    """A Redis or Valkey that keeps nothing on disk."""

    def __init__(self, program: str) -> None:
        self.port, self._password = free_port(), secrets.token_urlsafe(16)
        words = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--requirepass",
            self._password,
        ]
        self._process = subprocess.Popen(
            words,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=bound_to_parent(signal.SIGTERM),  # noqa: PLW1509 (one system call, no locks)
        )
        self.client = redis.Redis(port=self.port, password=self._password, socket_timeout=5)
        _until(self.client.ping, redis.ConnectionError)

    @property
    def environment(self) -> dict[str, str]:
        """The broker's address."""
        return {"OBSERVATORY_BROKER_URL": f"redis://:{self._password}@127.0.0.1:{self.port}/0"}

    def calls(self) -> Mapping[str, int]:
        """How often each command was called."""
        told = self.client.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(of["calls"]) for name, of in told.items()}

    def close(self) -> None:
        """Stop."""
        self._process.terminate()
        self._process.wait(10)


def _account() -> Account:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return Account()
    import pwd

    entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid, ())


def _until(holds: Callable[[], object], refusal: type[Exception]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            holds()
            return
        except refusal:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
