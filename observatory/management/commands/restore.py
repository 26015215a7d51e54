"""`manage.py restore FOLDER`: a backup into an empty installation."""

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.loader import MigrationLoader
from psycopg import OperationalError

from observatory.embedded import server as embedded
from observatory.embedded.attach import variables
from observatory.embedded.errors import EmbeddedError
from observatory.env import here
from observatory.management.commands.backup import environment_settings
from observatory.safekeeping import manifest as manifests
from observatory.safekeeping import restore
from observatory.safekeeping.manifest import Manifest, Unusable
from observatory.safekeeping.programs import NoProgram

HALF_FILLED = "The database is half filled now: remove it and restore into a new one."


class Command(BaseCommand):
    """Fill an empty installation from a backup, check it, and tell nobody of the past."""

    help = (
        "Restore a backup into an empty installation, before its first start: checks the files, loads the database, "
        "compares every table with the manifest, brings it up to this version, verifies the rollups. Sends nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which backup, and how thoroughly."""
        parser.add_argument("folder", type=Path, help="the folder that `backup` made")
        parser.add_argument("--skip-verify", action="store_true", help="do not recompute the rollups to compare them")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Refuse what does not fit; then load, check, quiet the past."""
        try:
            manifest = _fitting(folder)
            secrets = restore.secrets_of(folder)
            given = here.text("OBSERVATORY_SECRET_KEY", "")
            restore.check_secret(secrets["secret_key"], given, settings.DATA_DIR)
            with _database() as found:
                restore.check_empty(found["DATABASE_OWNER_URL"])
                if not given:
                    restore.keep_secret(secrets["secret_key"], settings.DATA_DIR)
                self._fill(folder, manifest, found["DATABASE_OWNER_URL"])
                environment = {**os.environ, **found, "OBSERVATORY_SECRET_KEY": secrets["secret_key"]}
                self._settle(manifest, environment, is_verified=not options["skip_verify"])
        except (Unusable, NoProgram, EmbeddedError, OperationalError) as error:
            raise CommandError(str(error).strip()) from error
        self._tell(secrets["settings"])

    def _fill(self, folder: Path, manifest: Manifest, owner_url: str) -> None:
        self._say(f"Loading {sum(manifest.tables.values()):,} rows of {manifest.made_at} ...")
        try:
            restore.load(folder, owner_url)
            restore.check_rows(manifest, owner_url)
        except (Unusable, NoProgram) as error:
            raise Unusable(f"{error} {HALF_FILLED}") from error
        self._say(f"Every row of {len(manifest.tables)} tables is there.")

    def _settle(self, manifest: Manifest, environment: Mapping[str, str], *, is_verified: bool) -> None:
        """Bring the database to this version, quiet the past, verify: each in a process of its own role."""
        if set(manifest.migrations) != _known_migrations():
            self._say("Bringing it up to this version ...")
            _command(environment, "migrate", "--verbosity", "0")
        self._say(_command(environment, "quiet_past"))
        if is_verified and manifest.tables["public.project"]:
            self._say("Comparing the rollups with the rows ...")
            self._say(_command(environment, "verify_rollups", "--all"))

    def _tell(self, saved: Mapping[str, str]) -> None:
        changed = restore.changed_settings(saved, environment_settings(here))
        if changed:
            self._say(
                f"Set otherwise where the backup was made: {', '.join(changed)} (the values are in its secrets.json)"
            )
        self._say("Restored. Nothing was sent for the past. Start it with: make up")

    def _say(self, line: str) -> None:
        self.stdout.write(line.strip())
        self.stdout.flush()


def _fitting(folder: Path) -> Manifest:
    """A backup's manifest, its files whole and its tables known. Raises Unusable."""
    manifest = manifests.read(folder)
    manifests.check_files(manifest, folder)
    manifests.check_version(manifest, _known_migrations())
    return manifest


def _known_migrations() -> set[str]:
    return {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """The URLs of the database that was named, or of the built-in one, started for this and stopped at the end."""
    if here.text("DATABASE_URL", ""):
        names = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_JOBS_URL")
        missing = [name for name in names if not here.text(name, "")]
        if missing:
            raise Unusable(f"DATABASE_URL is set, so {' and '.join(missing)} must be set too.")
        yield {name: here.text(name) for name in names}
        return
    server = embedded.start(settings.DATA_DIR)
    try:
        yield {**variables(server.place, settings.DATA_DIR), "OBSERVATORY_DATA_DIR": str(settings.DATA_DIR)}
    finally:
        server.stop()


def _command(environment: Mapping[str, str], *words: str) -> str:
    """Run one management command as the role it needs; what it said. Raises Unusable when it fails."""
    own = {name: value for name, value in environment.items() if name != "OBSERVATORY_ROLE"}
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *words],
        cwd=settings.BASE_DIR,
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise Unusable(f"The rows are restored, but manage.py {' '.join(words)} failed: {said[-2_000:]}")
    return done.stdout
