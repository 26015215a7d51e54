"""Do at once whatever is due: erase, read, count, look for drift, judge, tell."""

from argparse import ArgumentParser
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db.models import Max

from alerts import dispatch, evaluation
from alerts.models import Evaluation
from ingest import timeline
from ingest.duties import Duty, beat, only_runner
from ingest.erasure import run as erasing
from ingest.management.base import BaseCommand
from ingest.projects.access import every_project, project_scope
from ingest.projects.models import Project

if TYPE_CHECKING:
    from ingest.digest.reader import ReadReport
    from observatory.drift.runs import DriftReport
    from observatory.metrics.passing import RollReport

STUCK = {
    Duty.ERASE: "erasures cannot be done",
    Duty.READ: "projects cannot be read",
    Duty.ROLL: "projects cannot be rolled up",
}


class Command(BaseCommand):
    """`catch_up [--now T] [--project SLUG]`."""

    help = (
        "Do everything that is due now, without waiting for the periodic duties, and end when it is done. "
        "What becomes due after the start is left to them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--now",
            metavar="T",
            help="Judge windows as of this instant (RFC 3339), between the last judged window and now; "
            "only evaluation moves.",
        )
        parser.add_argument(
            "--project", metavar="SLUG", action="append", help="Only this project; may be given several times."
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Run the six duties to their end, each under its own lock. What reading finds is then counted once."""
        horizon = timeline.now()
        projects = _projects(options["project"])
        only = [project.pk for project in projects]
        judged_as_of = _instant(options["now"], horizon, projects) if options["now"] else horizon
        self._finish(Duty.ERASE, lambda: erasing.run(timeline.now(), only=only))
        if waiting := erasing.waiting(timeline.now(), only):
            self.stdout.write(f"erase: {waiting} not due yet, 12 s after it was asked for; run this again then")
        self._finish(Duty.READ, lambda: _read(horizon, only))
        self._finish(Duty.ROLL, lambda: _roll(horizon, only))
        self._finish(Duty.DRIFT, lambda: _drift(horizon, only))
        self._finish(Duty.EVALUATE, lambda: evaluation.evaluate(judged_as_of, only=only))
        self._finish(Duty.DISPATCH, lambda: dispatch.send_due(only=only))

    def _finish(self, duty: Duty, slice_of_work: Callable[[], Any]) -> None:
        """Repeat one duty's slices until nothing is left, holding its lock, and print what they did together."""
        totals: dict[str, int] = {}
        with only_runner(duty, wait=True):
            left = True
            while left:
                report = asdict(slice_of_work())
                left, waits = bool(report.pop("left", False)), bool(report.pop("waits", False))
                counts = {name: count for name, count in report.items() if isinstance(count, int)}
                failed = counts.get("failed", 0)
                is_stuck = failed and not waits and not any(count for name, count in counts.items() if name != "failed")
                if left and duty in STUCK and is_stuck:  # a failed delivery has its next attempt; these have not
                    raise CommandError(f"{failed} {STUCK[duty]}: see the log")
                for name, count in counts.items():
                    totals[name] = totals.get(name, 0) + count
            beat(duty, timeline.now(), {**totals, "by": "catch_up"})
        self.stdout.write(f"{duty.name.lower()}: " + ", ".join(f"{count} {name}" for name, count in totals.items()))


def _projects(slugs: Collection[str] | None) -> list[Project]:
    """The projects to work on. Raises CommandError for a slug that nobody has."""
    known = every_project()
    if not slugs:
        return known
    strangers = set(slugs) - {project.slug for project in known}
    if strangers:
        raise CommandError(f"there is no project {', '.join(sorted(strangers))}")
    return [project for project in known if project.slug in slugs]


def _instant(text: str, horizon: datetime, projects: Collection[Project]) -> datetime:
    """The instant to judge by. Raises CommandError outside the time between the last judged window and the horizon."""
    try:
        at = timeline.parse(text)
    except ValueError as error:
        raise CommandError(f"--now {text}: {error}") from error
    if at > horizon:
        raise CommandError(f"--now {text} lies in the future")
    for project in projects:
        with project_scope(project.pk):
            last = Evaluation.objects.aggregate(last=Max("window_end"))["last"]
        if last is not None and at < last:
            raise CommandError(f"--now {text} lies before the last judged window of {project.slug}, {last.isoformat()}")
    return at


def _read(horizon: datetime, only: Collection[int]) -> "ReadReport":
    from ingest.digest import reader

    return reader.read(horizon, only=only, everything=True)


def _roll(horizon: datetime, only: Collection[int]) -> "RollReport":
    from observatory.metrics import roller

    return roller.roll(horizon, only=only, everything=True)


def _drift(horizon: datetime, only: Collection[int]) -> "DriftReport":
    from observatory.drift import runs

    return runs.run(horizon, only=only, budget_s=None, is_settled=True)
