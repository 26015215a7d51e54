"""`manage.py quiet_past`: tell nobody of what happened until now. Part of a restore."""

from typing import Any

from alerts import quiet
from ingest import timeline
from ingest.duties import Duty, only_runner
from ingest.management.base import BaseCommand


class Command(BaseCommand):
    """Drop what waits to be told, and judge from now on."""

    help = "Drop all messages that wait and let every rule begin anew: what happened until now is told to nobody."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it while nobody judges or sends."""
        with only_runner(Duty.EVALUATE, wait=True), only_runner(Duty.DISPATCH, wait=True):
            done = quiet.forget_the_past(timeline.now())
        self.stdout.write(f"{done.dropped} messages dropped, {done.moved} rules begin anew")
