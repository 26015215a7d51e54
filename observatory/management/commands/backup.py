"""`manage.py backup FOLDER`: save everything, while the product runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from psycopg import OperationalError

from ingest import timeline
from observatory.env import Environment, here
from observatory.safekeeping import backup
from observatory.safekeeping.backup import KEPT_SETTINGS, Secrets
from observatory.safekeeping.manifest import Unusable
from observatory.safekeeping.programs import NoProgram


class Command(BaseCommand):
    """Save the database into a folder, and the secrets beside it."""

    help = (
        "Save one consistent snapshot of everything into a new folder: the database (pg_dump), the secret key and "
        "settings in a file of their own, and a manifest. The product may run meanwhile."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("folder", type=Path, help="a new folder; it appears under this name when it is complete")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Save, and say what."""
        if not settings.OWNER_DATABASE_URL:
            raise CommandError(settings.DATABASE_PROBLEM or "DATABASE_OWNER_URL is not set")
        if not settings.HAS_SECRET_KEY:
            raise CommandError("OBSERVATORY_SECRET_KEY is not set: a backup without it could not be used")
        secrets = Secrets(settings.SECRET_KEY, environment_settings(here))
        try:
            made = backup.make(
                folder.absolute(), settings.OWNER_DATABASE_URL, secrets, product=settings.VERSION, now=timeline.now()
            )
        except (Unusable, NoProgram, OperationalError) as error:
            raise CommandError(str(error).strip()) from error
        rows = sum(made.tables.values())
        self.stdout.write(f"{rows:,} rows of {len(made.tables)} tables are saved in {folder.absolute()}")
        self.stdout.write("It holds your users' texts, the secret key and passwords of your mail server: keep it safe.")


def environment_settings(environment: Environment) -> dict[str, str]:
    """The settings to keep of those this process was started with; what `NAME_FILE` names is read."""
    return {name: value for name in KEPT_SETTINGS if (value := environment.text(name, ""))}
