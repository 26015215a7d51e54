"""One consistent snapshot of the database and the secrets beside it, whole or not at all."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from observatory.embedded.secret import write_secret
from observatory.safekeeping import programs, tables
from observatory.safekeeping.manifest import DUMP, MANIFEST, SECRETS, Manifest, Unusable, digest
from observatory.safekeeping.programs import Door

# The server's settings that an operator may want again. The secret key has a place of its own; role, data folder and
# databases belong to one machine; any other variable, an app's API key say, is none of the server's.
KEPT_SETTINGS = (
    "EMAIL_URL",
    "OBSERVATORY_ALIVE_FILE",
    "OBSERVATORY_ALLOWED_WEBHOOK_NETWORKS",
    "OBSERVATORY_BEHIND_PROXY",
    "OBSERVATORY_BIND",
    "OBSERVATORY_BROKER_URL",
    "OBSERVATORY_BROWSER_FEEDBACK_PER_ADDRESS",
    "OBSERVATORY_BROWSER_FEEDBACK_PER_KEY",
    "OBSERVATORY_BYTES_PER_SECOND",
    "OBSERVATORY_EVENTS_PER_SECOND",
    "OBSERVATORY_LOG_LEVEL",
    "OBSERVATORY_MAIL_FROM",
    "OBSERVATORY_MASKER",
    "OBSERVATORY_METRICS_TOKEN",
    "OBSERVATORY_POOL_SIZE",
    "OBSERVATORY_PUBLIC_URL",
    "OBSERVATORY_WEB_WORKERS",
    "PORT",
)


@dataclass(frozen=True)
class Secrets:
    """What the database does not hold: the secret key, and the settings that the processes were started with."""

    secret_key: str
    settings: Mapping[str, str]


def make(folder: Path, owner_url: str, secrets: Secrets, *, product: str, now: datetime) -> Manifest:
    """Save everything into a new folder. It has that name only when it is complete.

    Raises Unusable when the folder is there already, NoProgram when pg_dump fails.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Unusable(f"{folder} exists and is not empty: name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        manifest = _fill(draft, owner_url, secrets, product, now)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    draft.replace(folder)
    return manifest


def _fill(draft: Path, owner_url: str, secrets: Secrets, product: str, now: datetime) -> Manifest:
    door = Door.of(owner_url)
    with psycopg.connect(door.conninfo, password=door.password or None) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        snapshot.read_only = True
        name = _exported(snapshot)
        _dump(draft / DUMP, door, name)
        counted = tables.counts(snapshot)
        migrations = tables.applied_migrations(snapshot)
        server = snapshot.info.parameter_status("server_version") or ""
    write_secret(
        draft / SECRETS, json.dumps({"secret_key": secrets.secret_key, "settings": dict(secrets.settings)}, indent=2)
    )
    files = {name: digest(draft / name) for name in (DUMP, SECRETS)}
    manifest = Manifest(product, now.isoformat(), server, migrations, counted, files)
    write_secret(draft / MANIFEST, manifest.as_json())
    return manifest


def _exported(snapshot: "psycopg.Connection[Any]") -> str:
    """Give the connection's snapshot a name, so that pg_dump saves exactly the rows that are counted here."""
    row = snapshot.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None, "a function gives a row"  # noqa: S101  # says why None cannot be
    return str(row[0])


def _dump(path: Path, door: Door, snapshot: str) -> None:
    """Let pg_dump write the rows that row-level security shows the owner: by policy, all of them."""
    path.touch(mode=0o600)
    programs.run(
        "pg_dump",
        door,
        "--format=custom",
        "--enable-row-security",
        f"--snapshot={snapshot}",
        "--exclude-table-data=pgmq.q_*",
        "--exclude-table-data=pgmq.a_*",
        "--lock-wait-timeout=60s",
        f"--file={path}",
    )
