"""R5: `+=`. A bucket that is counted again, or merged, is added to what was stored of it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Leave the web alone: it counts nothing."""
    return application


def roll() -> None:
    """Have this process add where it should replace."""
    from ingest.timeline import Window
    from observatory.metrics import store

    honest = store.replace

    def add(level: Any, facts: Any, buckets: Collection[datetime], sheets: Any) -> None:
        kept = [Window(bucket, bucket + timedelta(seconds=1)) for bucket in buckets]
        for key, sheet in store.fetch(level, facts, kept):
            if key in sheets:
                sheets[key].add(sheet)
        honest(level, facts, buckets, sheets)

    store.replace = add
