"""`manage.py erase_user PROJECT USER_ID`: erase a user, wait until it is done, print the receipt."""

import json
import time
from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from ingest import timeline
from ingest.erasure import receipts, run
from ingest.erasure.receipts import Erasure
from ingest.management.base import BaseCommand
from ingest.projects.models import Project
from ingest.text import repair_id

PAUSE_S = 0.2


class Command(BaseCommand):
    """Erase a user."""

    help = (
        "Erase everything that names a user of a project (by slug), and forbid what is older to come in again. "
        "Waits until it is done and prints the receipt; run again after an interruption, it goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, and of which project."""
        parser.add_argument("project")
        parser.add_argument("user_id")

    def handle(self, *args: Any, project: str, user_id: str, **options: Any) -> None:
        """Ask for the erasure and work it off."""
        try:
            found = Project.objects.get(slug=project)
            if not user_id:
                raise CommandError("a user has an id")
            erasure = receipts.request(found.pk, repair_id(user_id), by="command", now=timeline.now())
        except Project.DoesNotExist as error:
            raise CommandError(f"no project has the slug {project!r}") from error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self._wait_until(erasure.due_at)
        done = _finished(erasure)
        self.stdout.write(json.dumps(done.as_json(), indent=2))
        if not any(done.counts.values()):
            self.stderr.write("Nothing was stored of this user.")

    def _wait_until(self, due_at: datetime) -> None:
        """Give every web process time to learn that nothing of this user may come in."""
        seconds = (due_at - timeline.now()).total_seconds()
        if seconds > 0:
            self.stderr.write(f"Waiting {seconds:.0f} s until every web process refuses what is older ...")
            time.sleep(seconds)


def _finished(erasure: Erasure) -> Erasure:
    """Work an erasure off, or wait while a worker does. Raises CommandError when a step fails."""
    while erasure.state != "done":
        report = run.run(timeline.now(), only=[erasure.project_id])
        if report.failed:
            raise CommandError("the erasure stopped at an error, see the log; run this again to go on from there")
        if not report.erased:
            time.sleep(PAUSE_S)
        erasure = receipts.receipt(erasure.project_id, erasure.number)
    return erasure
