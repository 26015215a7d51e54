"""Pin a window as what is normal."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.projects.access import project_scope
from ingest.projects.models import Project
from observatory.metrics import store as rollups
from observatory.metrics.baselines import pinning, store
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.shelf import Shelf, UnknownValue


class Command(BaseCommand):
    """`pin_baseline PROJECT NAME --from DAY --to DAY [--feature NAME] [--note TEXT]`."""

    help = (
        "Pin local days as a baseline to compare with. What comparing needs is frozen as soon as the days are over, "
        "late feedback has had its time, and all of it is counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which days."""
        parser.add_argument("project", metavar="PROJECT", help="the project's slug")
        parser.add_argument("name", metavar="NAME", help="what to call it")
        parser.add_argument("--from", dest="start", required=True, metavar="DAY", help="the first local day")
        parser.add_argument(
            "--to", dest="end", required=True, metavar="DAY", help="the local day after the last one; it may be ahead"
        )
        parser.add_argument("--feature", metavar="NAME", help="of this feature alone; else of all together")
        parser.add_argument("--note", default="", metavar="TEXT", help="why this is normal")

    def handle(self, *args: Any, **options: Any) -> None:
        """Pin it, freeze it where that can be, and tell how it stands."""
        now = timeline.now()
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        with project_scope(project.pk):
            rollups.lock(wait=True)
            pinned = self._pin(project, options, now)
            pinning.freeze_due(now)
            pinned = store.find(pinned.name, pinned.feature) or pinned
            when = pinning.ready_from(pinned, Shelf(now))
        span = f"{pinned.window.start:%Y-%m-%dT%H:%MZ} to {pinned.window.end:%Y-%m-%dT%H:%MZ}"
        state = "frozen" if pinned.frozen_at else f"settling: it can be frozen from {when:%Y-%m-%dT%H:%MZ} on"
        self.stdout.write(f"{pinned.name}: {span}, {state}")

    def _pin(self, project: Project, options: dict[str, Any], now: Any) -> Baseline:
        try:
            window = pinning.window_of(options["start"], options["end"], project.time_zone)
            return pinning.pin(
                options["name"], window, feature=options["feature"], note=options["note"], by=_who(), now=now
            )
        except (pinning.Refused, UnknownValue) as error:
            raise CommandError(str(error.args[0])) from error


def _who() -> str:
    """The account on this machine; one without a name is said to be the shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "shell"
