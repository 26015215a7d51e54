"""The Django app of this room."""

from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    """What people see."""

    name = "dashboards"
    label = "dashboards"
