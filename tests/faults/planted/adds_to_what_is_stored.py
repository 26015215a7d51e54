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
    from observatory.metrics import cells, store
    from observatory.metrics.sheets import Family

    honest = store.replace

    def add(level: Any, facts: Any, buckets: Collection[datetime], fresh: Any, family: Any = Family.HEADLINE) -> None:
        if family is Family.HEADLINE:
            kept = [Window(bucket, bucket + timedelta(seconds=1)) for bucket in buckets]
            both = cells.joined([fresh, store.fetch(level, facts, kept)])
            fresh = cells.merged(both, lambda bucket: bucket)
        honest(level, facts, buckets, fresh, family)

    store.replace = add
