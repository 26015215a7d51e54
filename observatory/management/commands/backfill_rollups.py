"""Count rollups again from raw rows, though nothing says that they are wrong."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from tqdm import tqdm

from ingest import timeline
from ingest.management.base import BaseCommand
from observatory.management import days
from observatory.metrics import backfill, resuming
from observatory.metrics.backfill import CannotBeRolled, Stride
from observatory.metrics.resuming import Place, Walk


class Command(BaseCommand):
    """`backfill_rollups --from DAY [--to DAY] [--project SLUG]`."""

    help = (
        "Count everything of a range of days again, as far as raw rows reach. What stands before a project's raw horizon "
        "is frozen and stays. Run it again after an interruption and it goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which days."""
        days.add_arguments(parser, is_start_needed=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Count day by day, the earliest first."""
        chosen = days.chosen(options, days.instant(options), lambda project: None)
        asked = " ".join(f"{name}={options[name]}" for name in ("project", "start", "end", "now"))
        walk = resuming.opened(settings.DATA_DIR, "backfill_rollups", asked, timeline.now())
        try:
            self._walk(walk, chosen)
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped. Run the same again: it goes on from here.") from stop
        except CannotBeRolled as error:
            raise CommandError(f"project {error} cannot be rolled up: see the log, then run the same again") from error
        finally:
            walk.leave()

    def _walk(self, walk: Walk, chosen: days.Chosen) -> None:
        rest = walk.rest(chosen)
        total = {"days": 0, "buckets": 0, "users": 0, **walk.told}
        if walk.last:
            self.stderr.write(f"Going on after {walk.last.day}: {total['days']} days were counted before.")
        stride = Stride()
        with tqdm(total=len(chosen), initial=len(chosen) - len(rest), unit="day", disable=None) as bar:
            for project, day in rest:
                bar.set_postfix_str(f"{project.slug} {day}", refresh=False)
                done = backfill.backfill(project, day, stride, timeline.now)
                total["days"] += 1
                total["buckets"] += done.buckets
                total["users"] += done.users
                walk.reached(Place(project.pk, day), timeline.now(), total)
                bar.update()
        walk.end()
        self.stdout.write(
            f"{total['days']} days: {total['buckets']} buckets and {total['users']} user rows counted again"
        )
