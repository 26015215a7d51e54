"""`manage.py demo`: sixty days of real answers, posted through the HTTP API of the running product."""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from tqdm import tqdm

from dashboards.demo import answers, plan, project
from dashboards.demo.plan import Replay
from dashboards.demo.poster import Poster, PostError, Tally
from dashboards.demo.project import DemoError
from dashboards.demo.scenario import MAIN_FEATURE
from ingest import timeline
from ingest.digest import reader
from ingest.duties import Duty, only_runner
from ingest.management.base import BaseCommand
from ingest.projects.models import Project
from observatory.drift import runs
from observatory.metrics import roller

NOT_RUNNING = "The product does not answer at {}: start it with `make up`, then run this again."


class Command(BaseCommand):
    """Makes the project, posts the replay, and brings every derived figure up to date."""

    help = (
        "Fill a project named Demo with 60 days of real answers (about 14,000 interactions), posted through the HTTP "
        "API of the running product. May be run again: nothing is doubled."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--url", help="where the product answers (default: OBSERVATORY_PUBLIC_URL, else this machine)"
        )

    def handle(self, *args: object, url: str | None, **options: object) -> None:
        """Run the demo; every known failure ends in one line."""
        address = self._address(url)
        began = time.monotonic()
        try:
            demo, tally = self._fill(address)
        except (DemoError, PostError) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {str(error).strip().splitlines()[0]}") from error
        self._say_what_to_look_at(demo, tally, time.monotonic() - began)

    def _address(self, wanted: str | None) -> str:
        """Find where the product answers, before anything is written."""
        candidates = [wanted] if wanted else [settings.PUBLIC_URL, f"http://127.0.0.1:{settings.PORT}"]
        for url in candidates:
            try:
                if Poster(url, "").answers():
                    return url
            except PostError as error:
                raise CommandError(str(error)) from error
        raise CommandError(NOT_RUNNING.format(" or ".join(dict.fromkeys(candidates))))

    def _fill(self, url: str) -> tuple[Project, Tally]:
        now = timeline.now()
        demo = project.prepare(now)
        records = plan.replay(project.first_day(demo), now, answers.load())
        with project.key(demo, now) as key:
            tally = _post(Poster(url, key), records)
        steps: dict[str, Callable[[], object]] = {
            "reading": lambda: _read(demo),
            "counting": lambda: _roll(demo),
            "making the rule": lambda: project.watch(demo, timeline.now()),
            "looking for drift": lambda: _look_for_drift(demo),
            "judging and telling": lambda: call_command("catch_up", project=[demo.slug], stdout=StringIO()),
        }
        with tqdm(total=len(steps), unit="step") as bar:
            for name, step in steps.items():
                bar.set_description(name)
                step()
                bar.update()
        return demo, tally

    def _say_what_to_look_at(self, demo: Project, tally: Tally, seconds: float) -> None:
        base = f"{settings.PUBLIC_URL}/{demo.slug}"
        self.stdout.write(
            f"Posted {tally.total:,} records in {seconds:.0f} s, {tally.duplicates:,} of them were there already.\n"
            f"On day 45 of 60, {MAIN_FEATURE} began to move from a strong model to a weak one; nobody announced it. See\n"
            f"  {base}/drift/  what was found, since when, and what changed beside it\n"
            f"  {base}/incidents/  what was opened, and who was told\n"
            f"  {base}/quality/?feature={MAIN_FEATURE}  the fall itself\n"
            f"  {base}/  everything at one glance"
        )


def _post(poster: Poster, records: Replay) -> Tally:
    """Post everything, interactions before what was said about them."""
    tally = Tally()
    posts = records.posts()
    with tqdm(total=sum(len(each) for _, each in posts), unit="record", unit_scale=True) as bar:
        for kind, each in posts:
            bar.set_description(f"posting {kind}")
            for batch in poster.post(f"/api/v1/{kind}", each):
                tally.add(batch)
                bar.update(batch.total)
    if tally.conflicts:
        raise PostError(
            f"{tally.conflicts} records are there already with other content: was the demo changed meanwhile?"
        )
    return tally


def _read(demo: Project) -> None:
    """Before anything is counted, so that what reading finds is counted once."""
    with only_runner(Duty.READ, wait=True):
        reader.read(timeline.now(), only=[demo.pk], everything=True)


def _roll(demo: Project) -> None:
    with only_runner(Duty.ROLL, wait=True):
        report = roller.roll(timeline.now(), only=[demo.pk], everything=True)
    if report.failed:
        raise DemoError("The records are stored, but counting them failed: the log above says why.")


def _look_for_drift(demo: Project) -> None:
    """The replay is complete now, so its first baselines need not wait until the record has settled."""
    with only_runner(Duty.DRIFT, wait=True):
        runs.run(timeline.now(), only=[demo.pk], budget_s=None, is_settled=True)
