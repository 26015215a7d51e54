"""`manage.py prepare`: a database that the product can run on."""

import json
from argparse import ArgumentParser
from dataclasses import asdict

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from ingest import partitions, timeline
from observatory.embedded import first_run


class Command(BaseCommand):
    """Migrates; in an empty product also makes the first admin, project and key."""

    help = "Migrate the database and, if nobody can sign in yet, make the first admin, project and API key."
    requires_system_checks = ()  # they would load every page, and judge the web's role by the owner's

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="answer one JSON object, empty if nothing was made")

    def handle(self, *args: object, **options: object) -> None:
        """Run as owner; safe to run again."""
        try:
            call_command("migrate", interactive=False, verbosity=0)
            partitions.ensure(timeline.now())
            first = first_run.create(timeline.now())
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {str(error).strip().splitlines()[0]}") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(first) if first else {}))
        elif first:
            self.stdout.write(f"Sign in as {first_run.ADMIN} with the password {first.password} (shown only this once)")
            self.stdout.write(f'API key of project "{first.project}" (shown only this once): {first.key}')
