"""The Django app of this room."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Projects, members, keys and the doors to their data."""

    name = "ingest.projects"
    label = "projects"
