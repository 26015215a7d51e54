"""`python -m tests.faults.rolling [--plant NAME] COMMAND ...`: a process that does a management command over and over.

What is planted has a `roll()`, called once Django is set up: it puts a defect into this process alone.

Two words are no management commands and done once. `retain SLUG PAUSE` moves the raw horizon of a project, and deletes
what stands before it, without the two minutes between announcing a horizon and moving it; for PAUSE seconds requests may
end instead. `settle SLUG` has everything done that is due, erasures as soon as they are, and then verifies all rollups.
"""

import importlib
import os
import sys
import time
import traceback
from argparse import REMAINDER, ArgumentParser
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

BREATH_S = 0.2
RETAIN_S, SETTLED_S = 60.0, 60.0


def main(words: Sequence[str] | None = None) -> int:
    """Go on until killed, or do what is done once; the exit code says whether it was as it should be."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--plant", default="")
    parser.add_argument("words", nargs=REMAINDER)
    asked = parser.parse_args(words)
    os.environ["DJANGO_SETTINGS_MODULE"] = "observatory.settings"
    os.environ["OBSERVATORY_ROLE"] = "jobs"
    import django

    django.setup()
    from observatory.metrics import roller

    roller.MANY_USERS = 0  # what happens to many users happens to few
    if asked.plant:
        importlib.import_module(f"tests.faults.planted.{asked.plant}").roll()
    if asked.words[0] == "retain":
        return retain(asked.words[1], float(asked.words[2]))
    if asked.words[0] == "settle":
        settle(asked.words[1])
        return 0
    over_and_over(asked.words)
    return 0


def over_and_over(words: Sequence[str]) -> None:
    """Do a command; what breaks it (a killed database, say) is told and forgotten."""
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError, connections

    while True:
        try:
            call_command(*words)
        except (CommandError, DatabaseError, SystemExit):
            traceback.print_exc(limit=1)
            connections.close_all()
        time.sleep(BREATH_S)


def settle(slug: str) -> None:
    """Catch up until no erasure waits, and verify: what differs is told, and ends this process with 1."""
    from django.core.management import call_command

    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        told = StringIO()
        call_command("catch_up", "--project", slug, stdout=told)
        if "not due yet" not in told.getvalue():
            break
        time.sleep(0.5)
    call_command("verify_rollups", "--all", "--project", slug)


def retain(slug: str, pause_s: float) -> int:
    """Announce the horizon that the project's settings want, wait for requests to end, move it, delete."""
    from django.core.management import call_command
    from django.db import connections

    from ingest import timeline
    from ingest.projects.models import Project
    from ingest.retention.horizons import ANNOUNCED_FOR
    from observatory import retaining

    project = Project.objects.get(slug=slug)
    retaining.retain(timeline.now(), only=[project.pk])
    time.sleep(pause_s)
    deadline = time.monotonic() + RETAIN_S
    done: Any = None
    while time.monotonic() < deadline and not (done and done.horizons_moved):
        # What waits before the new horizon has to be counted first, which ticks would do within a quarter of an hour.
        call_command("catch_up", "--project", slug, stdout=StringIO())
        done = retaining.retain(timeline.now() + ANNOUNCED_FOR + timedelta(seconds=1), only=[project.pk])
        time.sleep(BREATH_S)
    while done.left:
        done = retaining.retain(timeline.now(), only=[project.pk])
    connections.close_all()
    has_moved = Project.objects.get(slug=slug).raw_horizon != project.raw_horizon
    if not has_moved:
        sys.stderr.write(f"the horizon stays at {project.raw_horizon}: {done}\n")
    return int(not has_moved)


if __name__ == "__main__":
    sys.exit(main())
