"""`manage.py create_project NAME`: make a project, or find it by its name; print its slug."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.projects.provision import project_named


class Command(BaseCommand):
    """Make a project."""

    help = "Make a project (or find the one of this name) and print its slug."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--time-zone", default="UTC", help="IANA name; days are counted in this zone.")

    def handle(self, *args: Any, name: str, time_zone: str, **options: Any) -> None:
        try:
            timeline.zone(time_zone)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if not 1 <= len(name.strip()) <= 100:
            raise CommandError("a project's name has 1 to 100 characters")
        self.stdout.write(project_named(name.strip(), now=timeline.now(), time_zone=time_zone).slug)
