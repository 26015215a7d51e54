"""`manage.py create_key PROJECT --scopes ingest,read`: make an API key; print it, once."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.projects.keys import read_scopes
from ingest.projects.models import Project
from ingest.projects.provision import issue_key


class Command(BaseCommand):
    """Make an API key."""

    help = "Make an API key of a project (by slug) and print it. It is stored hashed: this is the only time it is seen."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="The project's slug, as create_project printed it; not its name.")
        parser.add_argument(
            "--scopes",
            default="ingest,read",
            help="Of ingest, read and admin, by commas; or feedback, alone, for keys in browsers. Default: ingest,read.",
        )
        parser.add_argument("--label", default="", help="What the key is for, shown in the settings.")

    def handle(self, *args: Any, project: str, scopes: str, label: str, **options: Any) -> None:
        try:
            found = Project.objects.get(slug=project)
            wanted = read_scopes(scopes)
        except Project.DoesNotExist as error:
            raise CommandError(_unknown(project)) from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(issue_key(found.pk, wanted, now=timeline.now(), label=label[:100]))


def _unknown(project: str) -> str:
    """That no project has this slug, and which one is meant where projects have it as their name."""
    slugs = Project.objects.filter(name=project).order_by("slug").values_list("slug", flat=True)
    meant = f"; it is the name of {', '.join(map(repr, slugs))}: give that slug" if slugs else ""
    return f"no project has the slug {project!r}{meant}"
