"""pg_dump, pg_restore and psql: those of the built-in server, or the ones on the PATH; never older than the server."""

import os
import re
import shutil
import subprocess
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from tempfile import TemporaryFile
from typing import IO

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from observatory.embedded.errors import EmbeddedError
from observatory.embedded.place import Account, binaries

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
SAID = 2_000
SETTINGS_SINCE = {b"SET transaction_timeout = 0;\n": 17}
"""What a script of pg_restore begins with whatever the server, and the major version since which servers know it."""
FIRST_OBJECT = b"-- Name: "
CHUNK_BYTES = 1024 * 1024


class NoProgram(Exception):
    """PostgreSQL's programs are missing, too old, or failed; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Door:
    """How to reach a database as its owner, as libpq wants it: the password apart, where no process list shows it."""

    conninfo: str
    password: str

    @classmethod
    def of(cls, url: str) -> "Door":
        """Take a URL apart."""
        parts = conninfo_to_dict(url)
        password = str(parts.pop("password", "") or "")
        return cls(make_conninfo("", **parts), password)


def run(name: str, door: Door, *options: str) -> None:
    """Run `pg_dump` on a database. Raises NoProgram with what it said."""
    words = [str(found(name, _major_at(door))), *_as_owner(door), *options]
    done = subprocess.run(words, env=_environment(door), stdin=DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise _failed(name, done.stderr, done.returncode)


def load(dump: Path, door: Door) -> None:
    """Fill a database from an archive of `pg_dump`, up to the first error. Raises NoProgram with what was said.

    `pg_restore` writes a script and `psql` runs it: a `pg_restore` that speaks to the server itself begins with settings
    of its own version, and one that an older server does not know is an error like any.
    """
    major = _major_at(door)
    unknown = {line for line, since in SETTINGS_SINCE.items() if since > major}
    writer = [str(found("pg_restore", major)), "--file=-", str(dump)]
    runner = [
        str(found("psql", major)),
        *_as_owner(door),
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--file=-",
    ]
    with TemporaryFile() as said:
        with (
            subprocess.Popen(writer, env=_environment(door), stdin=DEVNULL, stdout=PIPE, stderr=said) as script,
            subprocess.Popen(runner, env=_environment(door), stdin=PIPE, stdout=DEVNULL, stderr=said) as server,
        ):
            assert script.stdout and server.stdin, "both are pipes"  # noqa: S101, PT018  # says why neither can be None
            with suppress(BrokenPipeError), server.stdin as into:  # psql has ended at an error, and said which
                _without(unknown, script.stdout, into)
        said.seek(0)
        if server.returncode or script.returncode:
            raise _failed("pg_restore", said.read(), server.returncode or script.returncode)


def _without(unknown: Container[bytes], script: IO[bytes], into: IO[bytes]) -> None:
    """Pass a script on, but for some lines of its opening; data may hold any line."""
    for line in script:
        if line not in unknown:
            into.write(line)
        if line.startswith(FIRST_OBJECT):
            break
    shutil.copyfileobj(script, into, CHUNK_BYTES)


def _major_at(door: Door) -> int:
    with psycopg.connect(door.conninfo, password=door.password or None) as server:
        return server.info.server_version // 10_000


def _as_owner(door: Door) -> list[str]:
    return [f"--dbname={door.conninfo}", "--no-password"]


def _environment(door: Door) -> dict[str, str]:
    password = {"PGPASSWORD": door.password} if door.password else {}
    return {**os.environ, "LC_ALL": "C", **password}


def _failed(name: str, told: bytes, code: int) -> NoProgram:
    said = told.decode(errors="replace").strip()
    return NoProgram(f"{name} failed: {said[:SAID] or f'exit code {code}'}")


def found(name: str, major: int) -> Path:
    """A program at least as new as the server. Raises NoProgram when there is none."""
    seen = []
    for candidate in _candidates(name):
        version = major_of(candidate)
        if version is not None and version >= major:
            return candidate
        seen.append(f"{candidate} ({version or 'does not run'})")
    what = f"found only {', '.join(seen)}" if seen else "found none"
    raise NoProgram(f"The server is PostgreSQL {major}, which needs a {name} of that version or a newer one; {what}.")


def _candidates(name: str) -> Iterator[Path]:
    try:
        yield binaries(Account()) / name
    except EmbeddedError:
        pass  # the package with the built-in server is not installed
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)


def major_of(program: Path) -> int | None:
    """The major version that a program says it is; None when it does not run."""
    try:
        done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    said = _VERSION.search(done.stdout)
    return int(said[1]) if said else None
