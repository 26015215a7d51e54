"""`manage.py delete_project SLUG`: delete a project and everything of it."""

import json
import shutil
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from alerts.channels.email import folder_of
from ingest import departure, timeline
from ingest.departure import Departure
from ingest.erasure.receipts import KNOWN_EVERYWHERE
from ingest.management.base import BaseCommand
from ingest.projects.models import Project

PAUSE_S = 0.1


class Command(BaseCommand):
    """Delete a project."""

    help = (
        "Delete a project (by slug) with its keys, members, record, rollups, rules and incidents; nothing brings it "
        "back. Asks for the slug again. Run again after an interruption, it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which project, and for scripts the confirmation."""
        parser.add_argument("slug")
        parser.add_argument("--yes-delete", metavar="SLUG", help="the confirmation, for scripts: the slug once more")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        """Confirm, delete, print the receipt."""
        typed = options["yes_delete"]
        if (_asked(slug) if typed is None else typed).strip() != slug:
            raise CommandError(f"not confirmed: that is not the slug {slug!r}; nothing was deleted")
        while (earlier := departure.left_behind(slug)) is not None:
            self._end(earlier)
        try:
            found = departure.begin(slug, timeline.now())
        except Project.DoesNotExist as error:
            raise CommandError(f"no project has the slug {slug!r}") from error
        self._delete(found)
        receipt = {
            "project": found.slug,
            "started_at": found.started_at.isoformat(),
            "finished_at": found.finished_at.isoformat() if found.finished_at else None,
            "deleted": {name: count for name, count in sorted(found.counts.items()) if count},
        }
        self.stdout.write(json.dumps(receipt, indent=2))

    def _delete(self, found: Departure) -> None:
        seconds = KNOWN_EVERYWHERE.total_seconds()
        self.stderr.write(f"Its keys are dead. Waiting {seconds:.0f} s until every web process knows ...")
        time.sleep(seconds)
        self._empty(found)
        departure.close(found)
        self._end(found)

    def _end(self, found: Departure) -> None:
        """When the project's own row is gone: sweep up after the jobs that still knew it."""
        departure.wait_for_jobs(lambda: time.sleep(PAUSE_S), timeline.now)
        self._empty(found)
        shutil.rmtree(folder_of(found.project_id), ignore_errors=True)
        departure.finish(found, timeline.now())

    def _empty(self, found: Departure) -> None:
        """Delete batch by batch and say which table it is at."""
        last = ""
        for table, _ in departure.empty(found):
            if table != last:
                self.stderr.write(f"Deleting from {table} ...")
                last = table


def _asked(slug: str) -> str:
    """What somebody types at the terminal."""
    try:
        return input(f"Everything of the project {slug} will be gone for ever. Type its slug to go on: ")
    except EOFError:
        raise CommandError(
            f"not confirmed: nobody answered; in a script add --yes-delete {slug}; nothing was deleted"
        ) from None
