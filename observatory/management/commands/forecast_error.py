"""Tell how wrong forecasts of cost would have been, on real history and on simulated bills."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError

from ingest import timeline
from ingest.management.base import BaseCommand
from ingest.projects.access import project_scope
from ingest.projects.models import Project
from ingest.timeline import Window, day_start, local_day
from observatory.metrics import series
from observatory.metrics.forecasting import backtest
from observatory.metrics.forecasting.backtest import AHEAD_DAYS, EVERY_DAYS, MONTH_DAYS
from observatory.metrics.forecasting.smoothing import LEAST_DAYS

LOOK_BACK_DAYS = 400
HEAD = f"{'':42}{'trials':>7}{'median':>9}{'p90':>8}{'repeating':>11}{'inside 95 %':>13}"
MONTHS_HEAD = f"{'':42}{'months':>7}{'mean':>9}{'inside 80 %':>13}{'inside 95 %':>13}"


class Command(BaseCommand):
    """`forecast_error [--project SLUG]`: every third past day a forecast is made from what was known by then."""

    help = "Print by how much forecasts of cost would have missed: of projects with enough history, and of simulated bills."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say whose history."""
        parser.add_argument("--project", metavar="SLUG", help="only this project, and no simulated bills")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for every series and horizon."""
        slug = options["project"]
        projects = Project.objects.order_by("slug").filter(**{"slug": slug} if slug else {})
        if slug and not projects:
            raise CommandError(f"there is no project {slug!r}")
        self.stdout.write(f"Sums of coming days, forecast every {EVERY_DAYS} days from what was known by then.")
        self.stdout.write("Errors are shares of what came; `repeating` is the median error of repeating the last week.")
        self.stdout.write(HEAD)
        known = {project.slug: daily_costs(project) for project in projects}
        known |= {} if slug else backtest.simulated()
        of_months: list[str] = []
        for name, amounts in known.items():
            self._tell(name, amounts)
            of_months += _months(name, amounts)
        self.stdout.write(f"\nEnds of months ({MONTH_DAYS} days in a row), projected with some of their days left.")
        self.stdout.write(MONTHS_HEAD)
        for line in of_months:
            self.stdout.write(line)

    def _tell(self, name: str, amounts: Sequence[float]) -> None:
        for ahead in AHEAD_DAYS:
            found = backtest.trials(amounts, ahead)
            title = f"{name[:32]}, {ahead} days"
            if not found:
                self.stdout.write(f"{title:42}  {len(amounts)} days; {LEAST_DAYS + ahead} are needed, and cost in them")
                continue
            told = backtest.summary(found)
            self.stdout.write(
                f"{title:42}{told.trials:7}{told.median_error:9.1%}{told.p90_error:8.1%}"
                f"{told.median_error_of_repeating:11.1%}{told.inside:13.0%}"
            )


def _months(name: str, amounts: Sequence[float]) -> Iterator[str]:
    for left, found in backtest.month_trials(amounts).items():
        if found:
            told = backtest.month_summary(found)
            title = f"{name[:32]}, {left} left"
            yield f"{title:42}{told.trials:7}{told.mean_error:9.1%}{told.inside_80:13.0%}{told.inside_95:13.0%}"


def daily_costs(project: Project) -> list[float]:
    """The cost in USD of each whole local day, from the first one with calls to yesterday."""
    now = timeline.now()
    today = local_day(now, project.time_zone)
    with project_scope(project.pk):
        first = series.Reader(now).first_day()
        if first is None:
            return []
        start = max(first.start, day_start(today - timedelta(days=LOOK_BACK_DAYS), project.time_zone))
        end = day_start(today, project.time_zone)
        points = series.series("cost_total", Window(start, end), "1d", now=now) if start < end else ()
    return [point.reading.value or 0.0 for point in points]
