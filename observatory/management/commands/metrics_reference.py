"""Write the reference of metrics from their definitions."""

from typing import Any

from django.conf import settings

from ingest.management.base import BaseCommand
from observatory.metrics import declared, reference


class Command(BaseCommand):
    """`metrics_reference`: docs/reference/metrics/, one file for each dashboard; a test holds them against definitions."""

    help = "Write docs/reference/metrics/ from the definitions of metrics."

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace every file, and name it."""
        folder = settings.BASE_DIR / declared.REFERENCE
        folder.mkdir(exist_ok=True)
        for name, text in reference.pages().items():
            (folder / name).write_text(text)
            self.stdout.write(f"{declared.REFERENCE}/{name}")
