"""The Django app of the wiring: management commands and system checks."""

from django.apps import AppConfig


class ObservatoryConfig(AppConfig):
    """Wiring."""

    name = "observatory"
    label = "observatory"

    def ready(self) -> None:
        """Register the system checks."""
        from observatory import checks  # noqa: F401  # registers itself
