"""S1: whoever has signed in may open every project."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Find projects by slug alone."""
    from ingest.projects import access
    from ingest.projects.models import Project

    access.project_for = lambda user, slug: Project.objects.get(slug=slug)
    return application
