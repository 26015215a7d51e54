"""The Django app of this room."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """The record of what apps sent."""

    name = "ingest"
    label = "ingest"
