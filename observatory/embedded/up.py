"""`make up`: database, migrations, first admin, children, and three lines that say how to go on.

    python -m observatory.embedded.up

No Django in this process: it stays for as long as the product runs and should weigh little.
"""

import errno
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from observatory.embedded.attach import variables
from observatory.embedded.errors import EmbeddedError
from observatory.embedded.listening import listening
from observatory.embedded.processes import bound_to_parent, on_wish_to_stop
from observatory.embedded.secret import secret_key
from observatory.embedded.server import Server, start
from observatory.embedded.supervisor import CHECKOUT, CHILDREN, Ending, Supervisor
from observatory.env import BadSetting, here

READY_SECONDS = 90
CONNECT_SECONDS = 10
ADMIN = "admin"
_URLS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_JOBS_URL")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (read here, not bound)


def main() -> int:
    """Run the product until it is stopped; the exit code says whether that was wanted."""
    os.umask(0o077)  # what the product writes is its own: mail, keys, logs
    on_wish_to_stop(signal.default_int_handler)  # until the supervisor listens, unwind
    try:
        ending = _run()
    except KeyboardInterrupt:
        return 130
    except (EmbeddedError, BadSetting) as error:
        _complain(f"Observatory cannot start: {error}")
        return 1
    if not ending.wanted:
        _complain(f"Observatory stopped: {ending.reason}.")
    return 0 if ending.wanted else 1


def _run() -> Ending:
    data_dir = Path(here.text("OBSERVATORY_DATA_DIR", str(CHECKOUT / "var"))).resolve()
    host, port = listening()
    refuse_busy_port(host, port)
    _say(["Starting Observatory ..."])
    with _database(data_dir) as (server, found):
        environment = {**os.environ, **found, "OBSERVATORY_DATA_DIR": str(data_dir)}
        first = _prepare(environment)
        environment.pop("DATABASE_OWNER_URL", None)  # nothing that runs from here on changes tables
        if first:
            _say(first_start_lines(first))
        supervisor = Supervisor(server.is_alive if server else lambda: True)
        supervisor.listen()
        try:
            supervisor.start(CHILDREN, environment)
            ready = _Readiness(host, port)
            ending = supervisor.watch(until=ready)
            if ending is None:
                public_url = here.text("OBSERVATORY_PUBLIC_URL", f"http://localhost:{port}")
                _say(closing_lines(public_url, is_first=bool(first)))
                ending = supervisor.watch()
        finally:
            supervisor.stop()
    return ending or Ending(True, "")


def refuse_busy_port(host: str, port: int) -> None:
    """Raise EmbeddedError, before anything is started, when the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left is free
        try:
            probe.bind((host, port))
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            reason = "is in use" if busy else f"cannot be used ({error.strerror})"
            raise EmbeddedError(f"port {port} on {host} {reason}; choose another: PORT={port + 1} make up") from None


@contextmanager
def _database(data_dir: Path) -> Iterator[tuple[Server | None, dict[str, str]]]:
    """Give the built-in server and its variables, stopped at the end; or none when DATABASE_URL names another."""
    if here.text("DATABASE_URL", ""):
        missing = [name for name in _URLS if not here.text(name, "")]
        if missing:
            raise EmbeddedError(f"DATABASE_URL is set, so {' and '.join(missing)} must be set too.")
        for name in _URLS:
            refuse_shut_door(name, here.text(name))
        yield None, _secret_key(data_dir)
        return
    server = start(data_dir)
    try:
        yield server, {**variables(server.place, data_dir), **_secret_key(data_dir)}
    finally:
        server.stop()


def refuse_shut_door(name: str, url: str) -> None:
    """Raise EmbeddedError when a variable's URL does not lead into its database: what runs would ask for ever."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        raise EmbeddedError(f"{name} does not lead into a database: {str(error).strip().splitlines()[0]}") from None


def _secret_key(data_dir: Path) -> dict[str, str]:
    return {"OBSERVATORY_SECRET_KEY": here.text("OBSERVATORY_SECRET_KEY", "") or secret_key(data_dir)}


def _prepare(environment: Mapping[str, str]) -> dict[str, str]:
    """Migrate and, in an empty product, make the first admin: gives what must be told once, else nothing."""
    done = subprocess.run(
        [sys.executable, "manage.py", "prepare", "--json"],
        cwd=CHECKOUT,
        env={**environment, "OBSERVATORY_ROLE": "owner"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=bound_to_parent(signal.SIGKILL),
        check=False,
    )
    if done.returncode:
        raise EmbeddedError("the database could not be brought up to date; the lines above say why.")
    return dict(json.loads(done.stdout))


class _Readiness:
    """Asks /readyz; true once it answers 200. Raises EmbeddedError when that takes too long."""

    def __init__(self, host: str, port: int) -> None:
        self._host = _EVERYWHERE.get(host, host)
        self._port = port
        self._deadline = time.monotonic() + READY_SECONDS
        self._last = "no answer"

    def __call__(self) -> bool:
        if time.monotonic() > self._deadline:
            raise EmbeddedError(f"not ready after {READY_SECONDS} s; /readyz says: {self._last}")
        connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            self._last = " ".join(answer.read(2000).decode(errors="replace").split())
            return answer.status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def first_start_lines(first: Mapping[str, str]) -> list[str]:
    """What only a first start says, above the closing lines."""
    return [
        f'The first project, "{first["project"]}", is made. Shown only this once:',
        f"  its API key      {first['key']}",
        f"  {ADMIN}'s password  {first['password']}",
    ]


def closing_lines(public_url: str, *, is_first: bool) -> list[str]:
    """The three lines that end every start: where to open it, how to sign in, what to run next."""
    known = f"the password shown at the first start (to set a new one: {_command(f'changepassword {ADMIN}')})"
    password = "the password above" if is_first else known
    return [
        f"Open     {public_url}",
        f"Sign in  as {ADMIN} with {password}",
        f"Next     {_command('demo')}",
    ]


def _command(words: str) -> str:
    """A management command as it has to be typed in another terminal to reach this product."""
    told = [
        f"{name}={shlex.quote(os.environ[name])} " for name in ("PORT", "OBSERVATORY_DATA_DIR") if os.environ.get(name)
    ]
    return f"{''.join(told)}{_python()} manage.py {words}"


def _python() -> str:
    """How to call this interpreter from the checkout."""
    own = Path(sys.prefix) / "bin" / "python"
    return str(own.relative_to(CHECKOUT) if own.is_relative_to(CHECKOUT) else own)


def _say(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
