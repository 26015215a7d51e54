"""`manage.py add_member PROJECT USERNAME --role viewer`: let somebody into a project."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from ingest.management.base import BaseCommand
from ingest.projects.models import Membership, Project
from ingest.projects.provision import add_member, remove_member


class Command(BaseCommand):
    """Let somebody into a project, or change what they may do in it."""

    help = (
        "Let somebody into a project (by slug), or change their role. Who has no account yet gets one: its password is"
        " printed, once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", help="The project's slug, as in the address of its pages.")
        parser.add_argument("username")
        parser.add_argument(
            "--role",
            default=Membership.Role.VIEWER.value,
            choices=Membership.Role.values,
            help="Viewers look; editors and owners change settings too. Default: viewer.",
        )
        parser.add_argument("--email", default="", help="The address of a new account.")
        parser.add_argument("--remove", action="store_true", help="Take the person out again; the account stays.")

    def handle(self, *args: Any, project: str, username: str, role: str, email: str, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            raise CommandError(f"no project has the slug {project!r}")
        if options["remove"]:
            if not remove_member(found, username):
                raise CommandError(f"{username} is no member of {found.name}")
            self.stdout.write(f"{username} is no member of {found.name} any more")
            return
        try:
            password = add_member(found, username, role, email=email)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{username} is {role} of {found.name}")
        if password:
            self.stdout.write(f"{username}'s password  {password}")
