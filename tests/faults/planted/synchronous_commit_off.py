"""R1: commits return before they are on the disk. A kill -9 of PostgreSQL loses the last of them."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Ask every session for it, and silence the check that refuses to serve like this."""
    from observatory import checks, settings

    options = settings.DATABASES["default"]["OPTIONS"]
    options["options"] = options["options"].replace("synchronous_commit=on", "synchronous_commit=off")
    checks.refuse_unsafe = lambda: None


def wrap(application: Application) -> Application:
    """Serve it as it is."""
    return application
