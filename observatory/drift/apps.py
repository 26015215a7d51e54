"""The Django app of this room."""

from django.apps import AppConfig


class DriftConfig(AppConfig):
    """Baselines, evidence and findings."""

    name = "observatory.drift"
    label = "drift"
