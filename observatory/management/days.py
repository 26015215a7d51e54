"""Which projects and local days a command goes through: the options that such commands share."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.core.management.base import CommandError

from ingest import timeline
from ingest.projects.access import every_project
from ingest.projects.models import Project
from observatory.metrics import verify

Chosen = list[tuple[Project, date]]


def add_arguments(parser: ArgumentParser, *, is_start_needed: bool) -> None:
    """Declare the options."""
    parser.add_argument("--project", metavar="SLUG", help="only this project")
    when = "a local day of each project, like 2026-01-31"
    parser.add_argument("--from", dest="start", required=is_start_needed, metavar="DAY", help=f"from here on: {when}")
    parser.add_argument("--to", dest="end", metavar="DAY", help="up to here, which does not belong to it; default: now")
    parser.add_argument("--now", metavar="T", help="an instant (RFC 3339) up to which there are days; default: now")


def instant(options: dict[str, Any]) -> datetime:
    """The instant that counts as now. Raises CommandError for what is none, and for the future."""
    now = timeline.now()
    if not options["now"]:
        return now
    try:
        at = timeline.parse(options["now"])
    except ValueError as error:
        raise CommandError(f"--now {options['now']}: {error}") from error
    if at > now:
        raise CommandError(f"--now {options['now']} lies in the future")
    return at


def chosen(options: dict[str, Any], now: datetime, first_of: Callable[[Project], date | None]) -> Chosen:
    """The days after each project's raw horizon that were asked for; without `--from`, those from `first_of` on.

    Raises CommandError for a slug that nobody has and for days that cannot be.
    """
    start, end = _day(options, "start", "--from"), _day(options, "end", "--to")
    if start and end and start >= end:
        raise CommandError("--from has to be before --to, which does not belong to it")
    projects = [project for project in every_project() if options["project"] in (None, project.slug)]
    if not projects:
        raise CommandError(f"there is no project {options['project']!r}")
    found: Chosen = []
    for project in projects:
        first = start or first_of(project)
        for day in verify.days_of(project, now):
            if (first is None or day >= first) and (end is None or day < end):
                found.append((project, day))
    return found


def _day(options: dict[str, Any], name: str, option: str) -> date | None:
    text = options[name]
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option} {text}: not a day like 2026-01-31") from error
