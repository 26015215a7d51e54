"""R5: days are merged although quarters of theirs are not merged yet themselves, and are then taken for merged."""

from typing import Any

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Leave the web alone: it counts nothing."""
    return application


def roll() -> None:
    """Have this process merge days first, from whatever their quarters say."""
    from observatory.metrics import roller, store
    from observatory.metrics.windows import Level

    quarters, days, honest = roller._merge_quarters, roller._merge_days, store.unmerged

    def too_soon(work: Any) -> Any:
        store.unmerged = lambda level: (
            {facts: [] for facts in honest(level)} if level is Level.QUARTER else honest(level)
        )
        try:
            return days(work)
        finally:
            store.unmerged = honest

    roller.THIN_DAY = -1
    roller._merge_quarters, roller._merge_days = too_soon, quarters
