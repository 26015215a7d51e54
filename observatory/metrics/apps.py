"""The Django app of this room."""

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    """Definitions, rollups and the read API."""

    name = "observatory.metrics"
    label = "metrics"
