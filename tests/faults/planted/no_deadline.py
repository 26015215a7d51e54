"""R4: whoever asks the database waits until it answers, however long that takes."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Give connections back the patience that psycopg's own have, and doubt nothing."""
    import psycopg

    from ingest.driver import doubt
    from ingest.driver.connections import PatientConnection

    PatientConnection.wait = psycopg.Connection.wait
    doubt.Doubt.rise = lambda self: None


def wrap(application: Application) -> Application:
    """Serve it as it is."""
    return application
