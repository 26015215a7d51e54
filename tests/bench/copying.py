"""The measuring stick: the very rows that the product stored, put into the same tables by psql's COPY.

The rows are encoded beforehand and belong to other projects. COPY FROM is refused where row-level security binds, so
the owner is let off it (NO FORCE) for the time of the measurement.
"""

import os
import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

TABLES = ("interaction", "payload", "record_key")
FIRST_PROJECT = 900_000_001


@dataclass(frozen=True)
class Copied:
    """One run of COPY."""

    connections: int
    rows_a_commit: int
    events: int
    seconds: float
    psql_cpu_s: float

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds


@dataclass(frozen=True)
class Table:
    """One table's columns and its rows as lines of COPY's text form, each without its project."""

    name: str
    columns: str
    lines: list[bytes]


@contextmanager
def unforced(owner_url: str) -> Iterator[None]:
    """Let the owner of the tables past row-level security while the block runs."""
    try:
        _force(owner_url, "NO FORCE")
        yield
    finally:
        _force(owner_url, "FORCE")


def _force(owner_url: str, word: str) -> None:
    with psycopg.connect(owner_url) as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} {word} ROW LEVEL SECURITY")


def stored_rows(jobs_url: str, project_id: int, events: int) -> list[Table]:
    """Take rows of a project out of the three tables that an event is written to."""
    with psycopg.connect(jobs_url) as connection:
        return [_table(connection, name, project_id, events) for name in TABLES]


def _table(connection: psycopg.Connection, name: str, project_id: int, events: int) -> Table:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND column_name <> 'project_id' ORDER BY ordinal_position",
        [name],
    ).fetchall()
    columns = ", ".join(f'"{column}"' for (column,) in found)
    order = "key" if name == "record_key" else "id"
    query = f"SELECT {columns} FROM {name} WHERE project_id = {project_id} ORDER BY occurred_at, {order} LIMIT {events}"
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as out:
        lines = b"".join(bytes(block) for block in out).split(b"\n")[:-1]
    return Table(name, columns, lines)


def run(
    psql: Path,
    urls: tuple[str, str],
    tables: Sequence[Table],
    project_id: int,
    connections: int,
    every: int,
    folder: Path,
) -> Copied:
    """Copy all rows as a new project's over so many connections, committing every so many; urls: owner, superuser."""
    owner_url, superuser_url = urls
    events = len(tables[0].lines)
    scripts = [folder / f"copy-{number}.sql" for number in range(connections)]
    for number, script in enumerate(scripts):
        _write(
            script,
            tables,
            project_id,
            range(number * events // connections, (number + 1) * events // connections),
            every,
        )
    os.sync()  # the scripts must not be on their way to the disk while commits wait for it
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        superuser.execute("CHECKPOINT")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    running = [
        subprocess.Popen([str(psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), owner_url])
        for script in scripts
    ]
    codes = [one.wait() for one in running]
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    for script in scripts:
        script.unlink()
    if any(codes):
        raise RuntimeError(f"psql ended with {codes}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Copied(connections, every, events, seconds, cpu)


def _write(script: Path, tables: Sequence[Table], project_id: int, rows: range, every: int) -> None:
    own = b"%d\t" % project_id
    with script.open("wb") as file:
        for start in range(rows.start, rows.stop, every):
            file.write(b"BEGIN;\n")
            for table in tables:
                file.write(f"COPY {table.name} (project_id, {table.columns}) FROM STDIN;\n".encode())
                for line in table.lines[start : min(start + every, rows.stop)]:
                    file.write(own + line + b"\n")
                file.write(b"\\.\n")
            file.write(b"COMMIT;\n")
