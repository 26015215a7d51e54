"""The Django app of this room."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """From a number to a told human."""

    name = "alerts"
    label = "alerts"

    def ready(self) -> None:
        """Say what an erasure clears here."""
        from alerts import forgetting
        from ingest.erasure import registry

        registry.register(forgetting.STEP)
