"""Compare the rollups with a fresh recompute from raw rows."""

import sys
from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from tqdm import tqdm

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.projects.models import Project
from observatory.management import days
from observatory.metrics import resuming, verify
from observatory.metrics.resuming import Place, Walk

RECENT_DAYS = 3
SHOWN = 20


class Command(BaseCommand):
    """Verify stored buckets and user rows; exit code 1 when any differs."""

    help = (
        "Compare rollups with a fresh recompute from raw rows: of the last days, of those from --from to --to, or, with "
        "--all, of every day. Run it again after an interruption and it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say how far back and which project."""
        parser.add_argument("--all", action="store_true", help=f"every day, not only the last {RECENT_DAYS}")
        days.add_arguments(parser, is_start_needed=False)

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify day by day and print what differs."""
        if options["all"] and (options["start"] or options["end"]):
            raise CommandError("--all is every day: leave out --from and --to")
        now = days.instant(options)

        def recent(project: Project) -> date | None:
            is_every = options["all"] or options["end"]
            return None if is_every else timeline.local_day(now, project.time_zone) - timedelta(days=RECENT_DAYS)

        chosen = days.chosen(options, now, recent)
        asked = " ".join(f"{name}={options[name]}" for name in ("all", "project", "start", "end", "now"))
        walk = resuming.opened(settings.DATA_DIR, "verify_rollups", asked, timeline.now())
        try:
            self._walk(walk, chosen)
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. Run the same again: it goes on from here.") from stop
        finally:
            walk.leave()
        if walk.told.get("differing"):
            sys.exit(1)

    def _walk(self, walk: Walk, chosen: days.Chosen) -> None:
        total = {"differing": 0, "buckets": 0, "users": 0, "waiting": 0, "shown": [], **walk.told}
        if walk.last:
            self.stderr.write(f"Going on after {walk.last.day}: {total['buckets']} buckets were compared before.")
        for line in total["shown"]:
            self.stdout.write(line)
        rest = walk.rest(chosen)
        with tqdm(total=len(chosen), initial=len(chosen) - len(rest), unit="day", disable=None) as bar:
            for project, day in rest:
                bar.set_postfix_str(f"{project.slug} {day}, {total['differing']} differing", refresh=False)
                self._add(total, verify.verify(project, day), project.slug)
                walk.reached(Place(project.pk, day), timeline.now(), total)
                bar.update()
        walk.told = total
        walk.end()
        self.stdout.write(
            f"{total['differing']} differing of {total['buckets']} buckets and {total['users']} user rows"
            f" ({total['waiting']} waiting to be rolled)"
        )

    def _add(self, total: dict[str, Any], found: verify.Verification, slug: str) -> None:
        for difference in found.differences[: max(0, SHOWN - len(total["shown"]))]:
            line = f"{slug}: {difference.what} {difference.at}: {difference.reason}"
            self.stdout.write(line)
            total["shown"].append(line)
        total["buckets"] += found.buckets
        total["users"] += found.users
        total["waiting"] += found.waiting
        total["differing"] += len(found.differences)
