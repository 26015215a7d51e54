"""`manage.py up`: the whole product on this machine."""

import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Hands over to the supervisor, a process without Django that keeps this one's id."""

    help = "Start database (unless DATABASE_URL is set), web, workers and beat; Ctrl-C stops them all."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        """Become `python -m observatory.embedded.up`."""
        environment = {name: value for name, value in os.environ.items() if name != "OBSERVATORY_ROLE"}
        os.execve(sys.executable, [sys.executable, "-m", "observatory.embedded.up"], environment)  # noqa: S606 (no shell is the point)
