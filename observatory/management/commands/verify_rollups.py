"""Compare the rollups with a fresh recompute from raw rows."""

import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest import timeline
from ingest.projects.access import every_project
from observatory.metrics import verify

RECENT_DAYS = 3
SHOWN = 20


class Command(BaseCommand):
    """Verify stored buckets and user rows; exit code 1 when any differs."""

    help = "Compare rollups with a fresh recompute from raw rows, of the last days or, with --all, of every day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say how far back and which project."""
        parser.add_argument("--all", action="store_true", help=f"every day, not only the last {RECENT_DAYS}")
        parser.add_argument("--project", metavar="SLUG", help="only this project")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify day by day and print what differs."""
        now = timeline.now()
        projects = [project for project in every_project() if options["project"] in (None, project.slug)]
        if not projects:
            raise CommandError(f"there is no project {options['project']!r}")
        total = verify.Verification(0, 0, 0, [])
        for project in projects:
            first = timeline.local_day(now, project.time_zone) - timedelta(days=RECENT_DAYS)
            for day in verify.days_of(project, now):
                if options["all"] or day >= first:
                    self._add(total, verify.verify(project, day), project.slug)
        self.stdout.write(
            f"{len(total.differences)} differing of {total.buckets} buckets and {total.users} user rows"
            f" ({total.waiting} waiting to be rolled)"
        )
        if total.differences:
            sys.exit(1)

    def _add(self, total: verify.Verification, found: verify.Verification, slug: str) -> None:
        for difference in found.differences[: max(0, SHOWN - len(total.differences))]:
            self.stdout.write(f"{slug}: {difference.what} {difference.at}: {difference.reason}")
        total.buckets += found.buckets
        total.users += found.users
        total.waiting += found.waiting
        total.differences += found.differences
