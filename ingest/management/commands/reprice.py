"""Price the calls of a time again, with the prices that are known today."""

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.core.management.base import CommandError
from tqdm import tqdm

from ingest import timeline
from ingest.dimensions import CostSource
from ingest.management.base import BaseCommand
from ingest.pricing import NANO
from ingest.projects.models import Project
from ingest.repricing import Chosen, Repriced, count, reprice
from ingest.timeline import Window

MOST_SHOWN = 30


@dataclass
class Sum:
    """What was found of one model: calls, those with another price, those without one, and amounts in nano-dollars."""

    calls: int = 0
    changed: int = 0
    unpriced_before: int = 0
    unpriced_now: int = 0
    before_nano: int = 0
    now_nano: int = 0

    def add(self, one: Repriced) -> None:
        """Count one call."""
        self.calls += 1
        self.changed += one.has_changed
        self.unpriced_before += one.before is CostSource.UNPRICED
        self.unpriced_now += one.now is CostSource.UNPRICED
        self.before_nano += one.before_nano or 0
        self.now_nano += one.now_nano or 0


class Command(BaseCommand):
    """`reprice PROJECT --from T [--to T] [--model NAME] [--dry-run]`."""

    help = (
        "Price calls again with today's catalogue and the project's own prices. Amounts that the app sent stay. "
        "Rollups follow by themselves. It may be stopped and started again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which calls."""
        when = "a local day of the project, like 2026-01-31, or an instant in RFC 3339"
        parser.add_argument("project", metavar="PROJECT", help="the project's slug")
        parser.add_argument("--from", dest="start", required=True, metavar="T", help=f"from here on: {when}")
        parser.add_argument(
            "--to", dest="end", metavar="T", help="up to here, which does not belong to it; default: now"
        )
        parser.add_argument("--model", metavar="NAME", help="only calls that asked for this model or were served by it")
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")

    def handle(self, *args: object, **options: str) -> None:
        """Price batch by batch, and print what has changed."""
        now = timeline.now()
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"there is no project {options['project']!r}")
        chosen = Chosen(project.pk, self._window(project, options, now), options["model"])
        sums: dict[str, Sum] = defaultdict(Sum)
        is_dry, reached = bool(options["dry_run"]), chosen.window.start
        try:
            with tqdm(total=count(chosen), unit="call", unit_scale=True, disable=None) as bar:
                for done in reprice(chosen, now, is_dry=is_dry):
                    for one in done:
                        sums[one.model].add(one)
                    reached = done[-1].occurred_at
                    bar.update(len(done))
        except KeyboardInterrupt:
            self._tell(sums, is_dry=is_dry)
            raise CommandError(
                f"stopped: all calls before {reached.isoformat()} are done; --from there goes on"
            ) from None
        self._tell(sums, is_dry=is_dry)

    def _window(self, project: Project, options: dict[str, str], now: datetime) -> Window:
        """The time that was asked for, as far as raw rows reach."""
        start = _instant(options["start"], "--from", project.time_zone)
        end = _instant(options["end"], "--to", project.time_zone) if options["end"] else now
        if project.raw_horizon and start < project.raw_horizon:
            start = project.raw_horizon
            self.stdout.write(f"Calls before {start.isoformat()} are no longer there: what was counted of them stays.")
        if start >= end:
            raise CommandError("--from has to be before --to, and --to after the project's raw horizon")
        return Window(start, end)

    def _tell(self, sums: dict[str, Sum], *, is_dry: bool) -> None:
        total = Sum()
        for one in sums.values():
            for name, value in vars(one).items():
                setattr(total, name, getattr(total, name) + value)
        would = "would change" if is_dry else "changed"
        self.stdout.write(f"{'model':40} {'calls':>10} {would:>12} {'unpriced':>19} {'USD before':>16} {'USD now':>16}")
        for line in _lines(sums, total):
            self.stdout.write(line)


def _lines(sums: dict[str, Sum], total: Sum) -> Iterable[str]:
    """One line a model that changes, those that change most first; then the total."""
    moved = {model: one for model, one in sums.items() if one.changed}
    most_first = sorted(moved, key=lambda model: -abs(moved[model].now_nano - moved[model].before_nano))
    for model in most_first[:MOST_SHOWN]:
        yield _line(model or "(no model)", moved[model])
    if len(most_first) > MOST_SHOWN:
        yield f"… and {len(most_first) - MOST_SHOWN} more models"
    yield _line("all", total)


def _line(model: str, one: Sum) -> str:
    unpriced = f"{one.unpriced_before} → {one.unpriced_now}"
    return f"{model[:40]:40} {one.calls:>10} {one.changed:>12} {unpriced:>19} {_usd(one.before_nano):>16} {_usd(one.now_nano):>16}"


def _usd(nano: int) -> str:
    return f"{Decimal(nano) / NANO:.6f}"


def _instant(text: str, option: str, time_zone: str) -> datetime:
    """Read a local day, which means its beginning, or an instant. Raises CommandError."""
    try:
        if len(text) == len("2026-01-31"):
            return timeline.day_start(date.fromisoformat(text), time_zone)
        return timeline.parse(text)
    except ValueError as error:
        raise CommandError(f"{option} {text}: {error}; or a day like 2026-01-31") from error
