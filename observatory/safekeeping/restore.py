"""A backup's folder into an empty database: refused when it does not fit, checked row by row when it is in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from observatory.embedded.secret import SECRET_KEY_FILE, write_secret
from observatory.safekeeping import manifest as manifests
from observatory.safekeeping import programs, tables
from observatory.safekeeping.backup import KEPT_SETTINGS
from observatory.safekeeping.manifest import DUMP, SECRETS, Manifest, Unusable
from observatory.safekeeping.programs import Door

PRESENT = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
      AND c.relkind IN ('r', 'p', 'v', 'm', 'S') ORDER BY 1
"""


def secrets_of(folder: Path) -> dict[str, Any]:
    """The secret key and the settings of a backup."""
    found: dict[str, Any] = json.loads((folder / SECRETS).read_text(encoding="utf-8"))
    return found


def check_secret(wanted: str, given: str, data_dir: Path) -> None:
    """Raise Unusable when this installation signs with another key than the one that was saved.

    With another key nobody stays signed in, retries become conflicts and tombstones of erased users protect nobody.
    """
    kept = data_dir / SECRET_KEY_FILE
    for where, key in (
        ("OBSERVATORY_SECRET_KEY", given),
        (str(kept), kept.read_text().strip() if kept.exists() else ""),
    ):
        if key and key != wanted:
            raise Unusable(f"{where} is not the secret key of the backup: give this installation the one in {SECRETS}.")


def keep_secret(wanted: str, data_dir: Path) -> None:
    """Put the saved key where `make up` looks for it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (data_dir / SECRET_KEY_FILE).exists():
        write_secret(data_dir / SECRET_KEY_FILE, wanted)


def check_empty(owner_url: str) -> None:
    """Raise Unusable when the database holds anything at all."""
    door = Door.of(owner_url)
    with psycopg.connect(door.conninfo, password=door.password or None) as connection:
        present = [name for (name,) in connection.execute(PRESENT).fetchall()]
    if present:
        raise Unusable(
            f"The database is not empty ({len(present)} tables and sequences, {present[0]} among them): "
            "restore into a new one, before its first start."
        )


def load(folder: Path, owner_url: str) -> None:
    """Fill the empty database. Raises NoProgram at the first error; the database is then half filled."""
    programs.load(folder / DUMP, Door.of(owner_url))


def check_rows(manifest: Manifest, owner_url: str) -> None:
    """Raise Unusable when a table holds fewer or more rows than were saved."""
    door = Door.of(owner_url)
    with psycopg.connect(door.conninfo, password=door.password or None) as connection:
        differing = manifests.differing(manifest, tables.counts(connection))
    if differing:
        raise Unusable(f"What was restored is not what was saved: {'; '.join(differing[:5])}.")


def changed_settings(saved: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """The names of settings that the saved installation had and this one has not, or has otherwise."""
    return [name for name in KEPT_SETTINGS if name in saved and present.get(name) != saved[name]]
