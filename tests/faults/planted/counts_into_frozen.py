"""R5: what is older than the raw horizon is stored like anything else, and its bucket counted again from what is left."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Have the web find nothing too old."""
    from ingest import late
    from ingest.timeline import EPOCH

    late.oldest = lambda *_: EPOCH
    return application


def roll() -> None:
    """Have this process know no horizon."""
    from ingest.timeline import EPOCH
    from observatory.metrics import store

    store.raw_horizon = lambda: EPOCH
