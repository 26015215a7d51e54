"""The built-in PostgreSQL: made if needed, started or attached to, stopped cleanly.

No Django here, so that tests and `manage.py up` use the same few functions:

    server = start(Path("var"))
    server.urls.app          # postgresql://observatory_app:…@/observatory?host=…
    server.stop()
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from observatory.embedded.errors import EmbeddedError
from observatory.embedded.place import SOCKET_NAME, Account, Place, binaries, private_folder, settle
from observatory.embedded.processes import bound_to_parent, title_mark, working_in
from observatory.embedded.secret import write_secret

DATABASE = "observatory"
SUPERUSER = "postgres"
LOGINS = {"owner": "observatory_owner", "app": "observatory_app", "jobs": "observatory_jobs"}
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "jit": "off",
    "io_method": "sync",
    "max_wal_size": "4GB",
    "min_wal_size": "1GB",  # log files that were made once are used again: making new ones costs a flood a fifth
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}
START_SECONDS = 300  # recovery after a crash replays up to max_wal_size
STOP_SECONDS = 60
LEFTOVER_SECONDS = 60
LARGEST_LOG_BYTES = 10_000_000
_ROLES_SQL = Path(__file__).with_name("roles.sql")


@dataclass(frozen=True)
class Urls:
    """One libpq URL for each login role; all name the Unix socket's folder."""

    owner: str
    app: str
    jobs: str


class Server:
    """A running PostgreSQL; `attached` when somebody else started it and therefore ends it."""

    def __init__(self, place: Place, passwords: Mapping[str, str], process: subprocess.Popen[bytes] | None) -> None:
        self.place = place
        self._passwords = passwords
        self.process = process
        self.attached = process is None
        self.pid = process.pid if process else postmaster_pid(place.cluster) or 0
        self.data_dir = place.cluster

    def is_alive(self) -> bool:
        """Tell whether the postmaster still runs."""
        return Path(f"/proc/{self.pid}").exists() if self.process is None else self.process.poll() is None

    @property
    def urls(self) -> Urls:
        """The three URLs of the product's own database."""
        return urls(self.place, self._passwords)

    @property
    def superuser_url(self) -> str:
        """For tests and rescue; the product itself never uses it."""
        return _url(self.place, self._passwords, SUPERUSER, DATABASE)

    def create_database(self, name: str) -> Urls:
        """Make one more database of this shape beside the product's own (tests); nothing if it exists."""
        _prepare(self.place, self._passwords, name)
        return urls(self.place, self._passwords, name)

    def stop(self) -> None:
        """End the server by a fast shutdown and wait for it; one we attached to is left alone."""
        if self.process is None:
            return
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(order)
            try:
                self.process.wait(STOP_SECONDS)
                return
            except subprocess.TimeoutExpired:
                continue

    def discard(self) -> None:
        """Stop, then remove cluster, socket and passwords: for tests only."""
        self.stop()
        shutil.rmtree(self.place.run, ignore_errors=True)
        shutil.rmtree(self.place.home, ignore_errors=True)


def start(data_dir: Path, *, extra_settings: Mapping[str, str] | None = None) -> Server:
    """Return a server that answers, with roles and database in place.

    Call it from a thread that lives as long as the server should: PostgreSQL shuts down when that
    thread ends, however it ends. Raises EmbeddedError with one line for the user.
    """
    if sys.platform != "linux":
        raise EmbeddedError("The built-in database needs Linux: set DATABASE_URL, or use docker compose up.")
    place = settle(data_dir)
    with _alone(place.starting):
        passwords = _passwords(place)
        programs = binaries(place.account)
        if not place.cluster.exists():
            _create_cluster(place, programs, passwords[SUPERUSER])
        process = None if _is_live(place, passwords) else _launch(place, programs, passwords, extra_settings or {})
        server = Server(place, passwords, process)
        try:
            _prepare(place, passwords, DATABASE)
        except BaseException:
            server.stop()
            raise
    return server


def urls(place: Place, passwords: Mapping[str, str], database: str = DATABASE) -> Urls:
    """Give the three URLs of a place, whether or not a server is running there."""
    return Urls(**{key: _url(place, passwords, role, database) for key, role in LOGINS.items()})


def saved_passwords(place: Place) -> dict[str, str]:
    """Read the passwords by role name."""
    try:
        return dict(json.loads(place.passwords.read_text()))
    except PermissionError:
        raise EmbeddedError(f"{place.passwords} cannot be read: use the account that first ran make up.") from None


def postmaster_pid(cluster: Path) -> int | None:
    """Read the process id from the server's lock file, which may be stale."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _url(place: Place, passwords: Mapping[str, str], role: str, database: str) -> str:
    return f"postgresql://{role}:{passwords[role]}@/{database}?host={quote(str(place.run))}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one start at a time through; the kernel frees the lock if we die."""
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _passwords(place: Place) -> dict[str, str]:
    if place.passwords.exists():
        return saved_passwords(place)
    if place.cluster.exists():
        raise EmbeddedError(f"The database {place.cluster} exists, but its passwords {place.passwords} are gone.")
    made = {role: secrets.token_urlsafe(24) for role in (SUPERUSER, *LOGINS.values())}
    write_secret(place.passwords, json.dumps(made))
    return made


def _create_cluster(place: Place, programs: Path, password: str) -> None:
    """Run initdb in a draft folder, renamed when complete: a half-made cluster is never taken for one."""
    nursery = place.home / "initdb"
    shutil.rmtree(nursery, ignore_errors=True)
    private_folder(nursery, place.account)
    secret = nursery / "password"
    write_secret(secret, password)
    place.account.owns(secret)
    options = ["--username", SUPERUSER, "--pwfile", str(secret), "--auth=scram-sha-256", "--encoding=UTF8"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"]
    command = [str(programs / "initdb"), "-D", str(nursery / "postgres"), *options, *locale]
    done = subprocess.run(
        command,
        user=place.account.user,
        group=place.account.group,
        extra_groups=place.account.extra_groups,
        env=_environment(),
        cwd="/",
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(f"PostgreSQL's initdb failed: {_last_line(done.stderr)}")
    (nursery / "postgres").rename(place.cluster)
    shutil.rmtree(nursery)


def _environment() -> dict[str, str]:
    """Give the server none of the caller's PG…, LC_… or LD_… variables."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _is_live(place: Place, passwords: Mapping[str, str]) -> bool:
    """Tell whether a server to attach to is there; wait for one that is going away, and clear what it left."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while present := working_in(place.cluster):
        if postmaster_pid(place.cluster) in present and _answers(place, passwords):
            return True
        if time.monotonic() > deadline:
            pids = ", ".join(map(str, sorted(present)))
            raise EmbeddedError(f"Processes of an earlier run still hold {place.cluster} without answering: {pids}.")
        time.sleep(0.1)
    for stale in (place.cluster / "postmaster.pid", place.run / SOCKET_NAME, place.run / f"{SOCKET_NAME}.lock"):
        stale.unlink(missing_ok=True)  # their process number may belong to somebody else by now
    return False


def _answers(place: Place, passwords: Mapping[str, str]) -> bool:
    try:
        with psycopg.connect(_url(place, passwords, SUPERUSER, "postgres"), connect_timeout=3):
            return True
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise EmbeddedError(f"The database does not accept the passwords in {place.passwords}.") from None
        return False


def _launch(
    place: Place, programs: Path, passwords: Mapping[str, str], extra: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    folder = str(private_folder(place.run, place.account)).replace('"', '""')
    own = {"unix_socket_directories": f'"{folder}"', "cluster_name": title_mark(place.cluster)}
    options = [word for name, value in {**SETTINGS, **own, **extra}.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(place.cluster), *options]
    process = _spawn(command, place)
    try:
        _wait_until_ready(process, place, passwords)
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
        raise
    return process


def _spawn(command: list[str], place: Place) -> subprocess.Popen[bytes]:
    if place.log.exists() and place.log.stat().st_size > LARGEST_LOG_BYTES:
        place.log.replace(place.log.with_suffix(".old.log"))
    account: Account = place.account
    try:
        with place.log.open("ab") as log:
            return subprocess.Popen(
                command,
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
                env=_environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C at the terminal reaches only us: the database goes last
                preexec_fn=bound_to_parent(signal.SIGINT),  # noqa: PLW1509 (one system call, no locks)
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(f"PostgreSQL could not be started: {error}") from None


def _wait_until_ready(process: subprocess.Popen[bytes], place: Place, passwords: Mapping[str, str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ((place.run / SOCKET_NAME).exists() and _answers(place, passwords)):
        if process.poll() is not None:
            raise EmbeddedError(f"PostgreSQL stopped while starting: {_last_line(place.log.read_bytes())}")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"PostgreSQL did not answer within {START_SECONDS} s; see {place.log}.")
        time.sleep(0.02)


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "ERROR", "error:"))]
    return (telling or lines or ["no message"])[-1].strip()


def _prepare(place: Place, passwords: Mapping[str, str], name: str) -> None:
    """Make the database, then roles and rights; one at a time, for roles belong to the whole server."""
    maintenance = _url(place, passwords, SUPERUSER, "postgres")
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(hashtext('observatory roles'))")
        if not server.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with psycopg.connect(_url(place, passwords, SUPERUSER, name)) as inside:
            inside.execute(_ROLES_SQL.read_bytes())
            for role in LOGINS.values():
                _set_password(inside, role, passwords[role])


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    """Send the scram verifier, never the password itself: a failing statement would be logged."""
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    order = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
    connection.execute(order)
