"""pg_dump and pg_restore: those of the built-in server, or the ones on the PATH; never older than the server."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from observatory.embedded.errors import EmbeddedError
from observatory.embedded.place import Account, binaries

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
SAID = 2_000


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
    """Run `pg_dump` or `pg_restore` on a database. Raises NoProgram with what it said."""
    with psycopg.connect(door.conninfo, password=door.password or None) as server:
        major = server.info.server_version // 10_000
    command = [str(found(name, major)), f"--dbname={door.conninfo}", "--no-password", *options]
    environment = {**os.environ, "LC_ALL": "C"}
    if door.password:
        environment["PGPASSWORD"] = door.password
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise NoProgram(f"{name} failed: {said[:SAID] or f'exit code {done.returncode}'}")


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
