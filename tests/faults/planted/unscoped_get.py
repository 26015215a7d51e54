"""S1: one model is read without its scope, the classic objects.get(pk). Seen only when the second wall is off, too."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Give incidents an ordinary manager."""
    from django.db import models

    from alerts.models import Incident

    Incident._meta.local_managers.clear()
    Incident.add_to_class("objects", models.Manager())
    return application
