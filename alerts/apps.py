"""The Django app of this room."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """From a number to a told human."""

    name = "alerts"
    label = "alerts"
