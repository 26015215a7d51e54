"""`manage.py up`: the whole product on this machine."""

import os
import sys

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Hands over to the supervisor, a process without Django that keeps this one's id."""

    help = "Start database (unless DATABASE_URL is set), web, workers and beat; Ctrl-C stops them all."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        """Become `python -m observatory.embedded.up`."""
        environment = {**os.environ, "OBSERVATORY_DATA_DIR": str(settings.DATA_DIR)}
        environment.pop("OBSERVATORY_ROLE", None)  # each child takes its own
        os.chdir(settings.BASE_DIR)
        os.execve(sys.executable, [sys.executable, "-m", "observatory.embedded.up"], environment)  # noqa: S606 (no shell is the point)
